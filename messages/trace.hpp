// trace: what a node publishes about each message that its actors send and handle.
//
// Owns: the event and its msgpack form. On the wire an event is two frames: the topic, and a
// msgpack array of the fields below in their order. Subscribing to a prefix of the topic filters at
// the source.
#pragma once

#include <string>

#include "messages/catalog.hpp"
#include "messages/result.hpp"

namespace raftbus {

enum class TraceKind : std::uint8_t {
    sent,     // `actor` sent the message to `other`
    handled,  // `actor` took the message, which came from `other`
    mark,     // something of the actor's own; `text` says what
};

struct TraceEvent {
    NodeId node;
    std::uint64_t sequence = 0;  // 1, 2, 3, ... per node and process; a gap means lost events
    WallTime wall;               // when, by the node's wall clock
    std::int64_t steady_us =
        0;  // when, by a clock that never jumps; comparable within the node only
    TraceKind kind = TraceKind::mark;
    ActorName actor = ActorName::bus;
    Address other;
    std::string type;         // the message's name; for marks "Mark"
    Term term;                // of the message; 0: it bears none
    MessageId message;        // which message; for marks the one being handled
    MessageId cause;          // the message in whose handling it was sent
    RequestId request;        // the client request that it serves
    std::uint64_t bytes = 0;  // of the message's bodies
    std::int64_t took_us =
        0;  // handled: from its sending to the start of its handling; may be off between nodes
    std::string text;  // one line, values and keys redacted (messages/text.hpp)
    RAFTBUS_FIELDS(TraceEvent, node, sequence, wall, steady_us, kind, actor, other, type, term,
                   message, cause, request, bytes, took_us, text);
};

// "replicator.AppendEntries"
std::string topic_of(const TraceEvent& event);
std::string encode_trace(const TraceEvent& event);
Result<TraceEvent> decode_trace(std::string_view bytes);

// The message's `term` field; 0 if it has none.
Term term_of(const AnyMessage& message);
// The size of all its SharedBytes together.
std::uint64_t body_bytes(const AnyMessage& message);

}  // namespace raftbus
