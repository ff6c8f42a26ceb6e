// resolver: hosts' names to addresses, outside of the threads that must not wait: a name server
// that does not answer holds a thread for many seconds.
//
// Owns: the threads that ask (one for each name under way, a few at most), and the answers until
// they are taken. Must not know: what the addresses are for. libzmq is given numeric addresses
// only: it would ask in the one thread that serves all connections.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/source.hpp"
#include "messages/types.hpp"

namespace raftbus {

// What a name server says, or the hosts file. Addresses as they stand in endpoints ("10.0.0.4",
// "[::1]"), the preferred one first; none: `fault` says why.
struct Resolved {
    std::vector<std::string> addresses;
    std::string fault;
};

// Asks at once, in this thread.
Resolved resolve_host(const std::string& host);

// Asks in another thread, and waits no longer than that.
Resolved resolve_within(const std::string& host, Duration patience);

class Resolver {
public:
    // `answered` is called by the worker that serves source(), when there is something to take.
    explicit Resolver(std::function<void()> answered);
    // Does not wait for those under way.
    ~Resolver();

    // Has it asked, unless it is under way. Never waits.
    void ask(const std::string& host);
    // The answers since the last time, by host.
    std::map<std::string, Resolved> take();

    Source& source();

private:
    struct State;
    std::shared_ptr<State> state_;  // the threads have a share in it
};

}  // namespace raftbus
