// watch_feed: the changes of a key or a prefix, one by one, whichever node tells them.
//
// Owns: the watch, at one node after the other: when one falls silent, breaks off or ends it, the
// next goes on behind the last change, without gap or repeat; what was lost on the way, as its
// numbers tell, is asked for again. Must not know: what becomes of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.hpp"
#include "cli/value.hpp"

namespace raftbus::cli {

struct WatchTarget {
    std::string key;
    bool prefix = false;
    std::optional<std::uint64_t> from;  // revision; none: from now on
};

class WatchFeed {
public:
    using Clock = std::chrono::steady_clock;

    // Until the first node has answered, nodes are tried for `timeout`; afterwards for ever. `note`
    // is called with a line for the person when the node changes.
    WatchFeed(std::vector<std::string> endpoints, std::chrono::microseconds timeout,
              WatchTarget target, std::function<void(std::string_view)> note);

    // The next change, as the node sent it; none: the deadline passed. Throws Failure: unreachable,
    // refused, compacted (as refused), interrupted.
    std::optional<Value> next(Clock::time_point deadline);

private:
    bool connect();
    bool there_is_more();
    void give_up(const std::string& why);
    void keep_alive();
    bool lost(const Value& reply);
    bool known(std::uint64_t revision, const Value& part);
    void watch_again();
    bool take(const Value& reply);
    [[noreturn]] void refuse(const Value& reply) const;
    void wait(Clock::time_point deadline);

    std::vector<std::string> endpoints_;
    std::chrono::microseconds timeout_;
    WatchTarget target_;
    std::function<void(std::string_view)> note_;
    zmq::context_t context_;
    std::unique_ptr<Connection> connection_;  // null: the next endpoint is to be tried
    std::size_t endpoint_ = 0;
    bool asked_ = false;         // of this connection
    bool begun_ = false;         // by any node so far
    Clock::time_point heard_;    // when the connection was begun, or said something
    Clock::time_point again_;    // not before this is another one tried
    Clock::time_point began_;    // the feed
    Clock::time_point spoke_;    // the last sign of life by this client
    std::uint64_t seq_ = 0;      // of the last reply of the stream; nodes of version 1 have none
    std::uint64_t incarnation_ = 0;  // of the revisions; 0: not known
    std::uint64_t partial_ = 0;  // changes of the revision target_.from that are known
    std::uint64_t to_skip_ = 0;  // of those that this node is about to send again
    std::uint64_t id_ = 0;
    std::string why_;  // the last node was given up
};

}  // namespace raftbus::cli
