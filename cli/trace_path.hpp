// trace_path: the way of one client request through actors and nodes, from the events about it.
//
// Owns: which messages belong to it, when each was sent on one clock, which of them the answer had
// to wait for, and the picture. Must not know: sockets, what the messages mean beyond their names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "messages/trace.hpp"

namespace raftbus::cli {

// One message, or one mark of an actor.
struct Hop {
    MessageId message;
    MessageId cause;
    NodeId node;        // where it happens: the receiver's node
    ActorName actor{};  // the receiver; of what leaves the node's actors: the sender
    NodeId from;        // the sender's node
    std::string type;   // the message's name; of a mark its first word
    std::string details;
    std::int64_t at_us = 0;       // sent, since the request's first event
    std::int64_t step_us = 0;     // since its cause was handled: the sender's own time
    std::int64_t transit_us = 0;  // until it was handled: queue, or network
    std::int64_t worked_us = 0;   // from its handling to the answer that was sent because of it
    bool handled = false;
    bool waited_for = false;  // on the chain of causes that ends in the reply
    bool mark = false;
    bool crosses() const { return from != node; }
};

struct TracePath {
    std::vector<TraceEvent> events;  // those of the request, and the causes that led to them
    std::vector<Hop> hops;           // in the order of at_us
    std::int64_t total_us = 0;       // to the reply's sending
    std::int64_t clocks_shifted_us =
        0;  // by how much the most deviating node's clock was corrected
};

// `events` may hold others' too, in any order.
TracePath trace_path(const std::vector<TraceEvent>& events, RequestId request);

// One line per hop up to the reply, the slowest step, and what was not waited for.
std::string draw_path(const Output& output, const TracePath& path);

}  // namespace raftbus::cli
