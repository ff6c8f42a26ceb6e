// envelope: what stands on the outside of every message.
#pragma once

#include <cstdint>

#include "messages/fields.hpp"
#include "messages/types.hpp"

namespace raftbus {

// Names one message in the life of a cluster: the n-th that `sender` sent.
struct MessageId {
    Address sender;
    std::uint64_t number = 0;  // from 1; 0: no message
    RAFTBUS_FIELDS(MessageId, sender, number);
    explicit operator bool() const { return number != 0; }
};

struct Envelope {
    Address from;
    Address to;
    std::uint64_t number = 0;  // this message's, among those of `from`
    MessageId
        cause;  // the message in whose handling this one was sent; none: a timer's, or a client's
    RequestId request;  // the client request that it serves; none: no single one
    WallTime sent;      // the sender's wall clock
    RAFTBUS_FIELDS(Envelope, from, to, number, cause, request, sent);

    MessageId id() const { return {from, number}; }
};

}  // namespace raftbus
