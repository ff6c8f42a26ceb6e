#include "cli/trace_merge.hpp"

#include <algorithm>

namespace raftbus::cli {

TraceMerge::MessageKey TraceMerge::key_of(const MessageId& id) {
    return {id.sender.node.value, id.sender.actor, id.number};
}

void TraceMerge::add(TraceEvent event, Clock::time_point arrived) {
    if (event.kind == TraceKind::sent) sent_held_.insert(key_of(event.message));
    auto& held = streams_[event.node].held;
    auto at = held.end();
    // A number far below the others is a new process's, not a late event.
    constexpr std::uint64_t kLate = 1000;
    while (at != held.begin()) {
        const std::uint64_t before = std::prev(at)->event.sequence;
        if (before <= event.sequence || before - event.sequence > kLate) break;
        --at;
    }
    held.insert(at, {std::move(event), arrived});
}

std::vector<OrderedEvent> TraceMerge::take_ready(Clock::time_point now) {
    std::vector<OrderedEvent> ordered;
    for (Stream* next = next_stream(); next != nullptr; next = next_stream()) {
        if (next->held.front().arrived + window_ > now) break;
        ordered.push_back(take_from(*next));
    }
    return ordered;
}

std::vector<OrderedEvent> TraceMerge::take_all() {
    std::vector<OrderedEvent> ordered;
    for (Stream* next = next_stream(); next != nullptr; next = next_stream()) {
        ordered.push_back(take_from(*next));
    }
    return ordered;
}

// The stream whose first event comes next: the earliest by the clock among those that wait for no
// other event. If all of them wait, numbers were used twice (a node restarted): the clock alone.
TraceMerge::Stream* TraceMerge::next_stream() {
    Stream* free = nullptr;
    Stream* any = nullptr;
    const auto earlier = [](const Stream* a, const Stream* b) {
        return b == nullptr || a->held.front().event.wall < b->held.front().event.wall;
    };
    for (auto& [node, stream] : streams_) {
        if (stream.held.empty()) continue;
        if (earlier(&stream, any)) any = &stream;
        if (!waits_for_its_sending(stream.held.front().event) && earlier(&stream, free))
            free = &stream;
    }
    return free != nullptr ? free : any;
}

bool TraceMerge::waits_for_its_sending(const TraceEvent& event) const {
    return event.kind == TraceKind::handled && sent_held_.contains(key_of(event.message));
}

OrderedEvent TraceMerge::take_from(Stream& stream) {
    OrderedEvent ordered{std::move(stream.held.front().event)};
    stream.held.pop_front();
    const TraceEvent& event = ordered.event;
    if (event.kind == TraceKind::sent) sent_held_.erase(sent_held_.find(key_of(event.message)));
    const bool known = stream.last_taken != 0 && event.sequence > stream.last_taken;
    if (known) ordered.lost_before = event.sequence - stream.last_taken - 1;
    stream.last_taken = event.sequence;
    return ordered;
}

}  // namespace raftbus::cli
