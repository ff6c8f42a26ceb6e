// codec: messages as msgpack.
//
// Owns: the one form that every message has on inproc sockets, between nodes, in traces and in the
// simulator: a head frame, which is a msgpack array [wire version, message number, envelope,
// fields], and one frame for every SharedBytes of kInlineBytesMax or more, in the order of the
// fields (in the head, its number stands for it; shorter ones stand there themselves). So a body
// passes through every hop and fan-out by reference. Must not know: sockets; what a message means.
#pragma once

#include <string>
#include <vector>

#include "messages/catalog.hpp"
#include "messages/result.hpp"

namespace raftbus {

// SharedBytes of this size or more travel in a frame of their own.
inline constexpr std::size_t kInlineBytesMax = 1024;

struct EncodedMessage {
    std::string head;
    std::vector<SharedBytes> bodies;
};

EncodedMessage encode(const Envelope& envelope, const AnyMessage& message);

// Undoes encode. What comes out shares the frames' memory. Takes any bytes: nesting, lengths and
// the number of frames are bounded before anything is allocated, and the error says what is wrong.
Result<Delivery> decode(const SharedBytes& head, const std::vector<SharedBytes>& bodies);

// The header of a batch as the log stores it: a msgpack array of its fields.
std::string encode_header(const BatchHeader& header);
Result<BatchHeader> decode_header(std::string_view bytes);

}  // namespace raftbus
