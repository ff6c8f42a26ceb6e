// trace_events: makers of trace events.
#pragma once

#include <string>
#include <utility>

#include "messages/trace.hpp"

namespace raftbus::cli {

inline TraceEvent event_at(std::uint64_t sequence, std::int64_t wall_us, NodeId node,
                           std::string type) {
    TraceEvent event;
    event.node = node;
    event.sequence = sequence;
    event.wall = WallTime(wall_us);
    event.steady_us = wall_us;
    event.type = std::move(type);
    return event;
}

// The sender's record of its `number`-th message.
inline TraceEvent sent(std::uint64_t sequence, std::int64_t wall_us, Address from, Address to,
                       std::uint64_t number, const std::string& type) {
    TraceEvent event = event_at(sequence, wall_us, from.node, type);
    event.kind = TraceKind::sent;
    event.actor = from.actor;
    event.other = to;
    event.message = {from, number};
    event.text = type;
    return event;
}

// The receiver's record of it.
inline TraceEvent handled(std::uint64_t sequence, std::int64_t wall_us, Address from, Address to,
                          std::uint64_t number, const std::string& type) {
    TraceEvent event = sent(sequence, wall_us, from, to, number, type);
    event.kind = TraceKind::handled;
    event.node = to.node;
    event.actor = to.actor;
    event.other = from;
    return event;
}

}  // namespace raftbus::cli
