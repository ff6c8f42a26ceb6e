// trace_merge: several nodes' events in one order.
//
// Owns: the order. Within a node the node's own numbers decide; between nodes cause comes first, so
// a message is never handled before it was sent; only what is unrelated is ordered by the clocks.
// Must not know: sockets, how events look.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "messages/trace.hpp"

namespace raftbus::cli {

struct OrderedEvent {
    TraceEvent event;
    std::uint64_t lost_before =
        0;  // events of the same node that are missing right before this one
};

class TraceMerge {
public:
    using Clock = std::chrono::steady_clock;

    // Events are held for `window` after their arrival, so that slower streams can catch up.
    explicit TraceMerge(Clock::duration window) : window_(window) {}

    void add(TraceEvent event, Clock::time_point arrived);
    // What has waited long enough, in order.
    std::vector<OrderedEvent> take_ready(Clock::time_point now);
    // All that is left.
    std::vector<OrderedEvent> take_all();

private:
    struct Held {
        TraceEvent event;
        Clock::time_point arrived;
    };
    struct Stream {
        std::deque<Held> held;         // by sequence
        std::uint64_t last_taken = 0;  // sequence
    };
    using MessageKey = std::tuple<std::uint32_t, ActorName, std::uint64_t>;

    static MessageKey key_of(const MessageId& id);
    Stream* next_stream();
    bool waits_for_its_sending(const TraceEvent& event) const;
    OrderedEvent take_from(Stream& stream);

    Clock::duration window_;
    std::map<NodeId, Stream> streams_;
    std::multiset<MessageKey> sent_held_;  // messages whose `sent` event is held
};

}  // namespace raftbus::cli
