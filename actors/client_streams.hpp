// client_streams: messages to clients that come without being asked for one by one, each client's
// in order, as fast as it reads.
//
// What the bus could not send stays here, and nothing else of that client is sent meanwhile: so a
// client that reads slowly costs its own queue alone. Each client has one burst at the bus at most;
// all others go on.
//
// Owns: the queues. Takes StreamsTaken; sends StreamReplies. Must not know: what the messages say.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/context.hpp"
#include "actors/timer.hpp"

namespace raftbus {

struct StreamLimits {
    std::uint64_t client_messages_max = 16'384;  // that wait for one client
    std::uint64_t client_bytes_max = 16 << 20;
    std::uint64_t bytes_max = 256 << 20;  // of all clients
    Duration patience{10'000'000};        // with a client that takes nothing
};

class ClientStreams {
public:
    // Who is told what became of its messages.
    class Listener {
    public:
        // The message with this mark has left.
        virtual void on_left(WatchNumber mark) = 0;
        // Everything for that client has left.
        virtual void on_drained(const SharedBytes& route) = 0;
        // The client is gone, and what waited for it with it.
        virtual void on_gone(const SharedBytes& route) = 0;
        // The client has taken nothing for the time of patience. Said once; after twelve times that
        // it counts as gone.
        virtual void on_stuck(const SharedBytes& route) = 0;

    protected:
        ~Listener() = default;
    };

    ClientStreams(Context& context, const StreamLimits& limits, Listener& listener, TimerId retry);

    // Puts a message at the end of the client's queue. A mark of 0 is none.
    void add(const SharedBytes& route, SharedBytes body, WatchNumber mark = {});
    // A limit is reached, and something waits for it: no more should be added that comes again.
    bool full(const SharedBytes& route) const;
    // Sends what may be sent now.
    void send_waiting();
    void on_taken(const StreamsTaken& taken);
    void on_timer(TimerId id);

    bool empty() const { return streams_.empty(); }
    // Forgets everything.
    void drop_all();

private:
    struct Message {
        SharedBytes body;
        WatchNumber mark;
    };
    struct Stream {
        SharedBytes route;
        std::deque<Message> queue;
        std::uint64_t bytes = 0;       // of it
        std::uint64_t at_the_bus = 0;  // of its messages, the first ones
        bool blocked = false;          // waits until it is tried again
        bool stuck = false;            // it was said
        Moment progress;               // when it began to wait, or something left
    };
    using Streams = absl::btree_map<std::uint64_t, Stream>;

    void left(std::uint64_t number, std::uint64_t count);
    void stop(std::uint64_t number, bool gone);
    Stream remove(Streams::iterator at);

    Context& context_;
    const StreamLimits limits_;
    Listener& listener_;
    Timer retry_;
    Streams streams_;                                        // those that have messages
    std::unordered_map<std::string, std::uint64_t> routes_;  // looked up, never walked
    absl::btree_set<std::uint64_t> ready_;                   // may be sent
    absl::btree_set<std::uint64_t> blocked_;
    std::uint64_t last_stream_ = 0;
    std::uint64_t last_burst_ = 0;
    // What the bus has: by burst, stream and count of messages.
    absl::btree_map<std::uint64_t, std::vector<std::pair<std::uint64_t, std::uint64_t>>> bursts_;
    std::uint64_t bytes_ = 0;
};

}  // namespace raftbus
