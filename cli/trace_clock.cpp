#include "cli/trace_clock.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <tuple>

namespace raftbus::cli {
namespace {

// The least that messages seemed to take between the reference node and another, each way.
struct Fastest {
    std::optional<std::int64_t> there, back;
};

void keep_least(std::optional<std::int64_t>& least, std::int64_t value) {
    if (!least || value < *least) least = value;
}

std::int64_t shift_from(const Fastest& fastest) {
    const std::int64_t there = fastest.there.value_or(0);
    const std::int64_t back = fastest.back.value_or(0);
    if (there >= 0 && back >= 0) return 0;
    if (fastest.there && fastest.back) return (there - back) / 2;
    return fastest.there ? there : -back;
}

}  // namespace

TraceClock::TraceClock(const std::vector<TraceEvent>& events, NodeId reference) {
    using Key = std::tuple<std::uint32_t, ActorName, std::uint64_t>;
    std::map<Key, std::int64_t> sent;
    const auto key_of = [](const MessageId& id) {
        return Key{id.sender.node.value, id.sender.actor, id.number};
    };
    for (const TraceEvent& event : events) {
        if (event.kind == TraceKind::sent) sent[key_of(event.message)] = event.wall.value;
    }
    std::map<NodeId, Fastest> fastest;
    for (const TraceEvent& event : events) {
        const auto sending = sent.find(key_of(event.message));
        const NodeId from = event.message.sender.node;
        if (event.kind != TraceKind::handled || sending == sent.end() || from == event.node)
            continue;
        const std::int64_t took = event.wall.value - sending->second;
        if (from == reference) keep_least(fastest[event.node].there, took);
        if (event.node == reference) keep_least(fastest[from].back, took);
    }
    for (const auto& [node, least] : fastest) shifts_us_[node] = shift_from(least);
}

std::int64_t TraceClock::us(const TraceEvent& event) const {
    const auto shift = shifts_us_.find(event.node);
    return event.wall.value - (shift == shifts_us_.end() ? 0 : shift->second);
}

std::int64_t TraceClock::largest_shift_us() const {
    std::int64_t largest = 0;
    for (const auto& [node, shift] : shifts_us_) largest = std::max(largest, std::abs(shift));
    return largest;
}

}  // namespace raftbus::cli
