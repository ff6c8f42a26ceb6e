// frames: bytes as ZeroMQ frames and back; what is large changes hands without a copy.
//
// Owns: sending and receiving of whole messages, and the only place where our memory passes between
// threads through libzmq (which ThreadSanitizer cannot see into, so it is told here).
// Must not know: what the frames hold.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "messages/bytes.hpp"
#include "messages/codec.hpp"

namespace raftbus {

using Frames = std::vector<zmq::message_t>;

// A frame that holds a copy of `bytes`.
zmq::message_t copied_frame(std::string_view bytes);
// A frame that shares the memory of `bytes` when they are large, and copies them when they are not.
zmq::message_t shared_frame(const SharedBytes& bytes);
// A frame that shares the memory of `bytes`, or copies them if they are few beside what their
// memory may hold in all. When libzmq has let go of it, `count` is added to `taken`, in some
// thread.
zmq::message_t counted_frame(const SharedBytes& bytes, std::uint64_t count,
                             std::shared_ptr<std::atomic<std::uint64_t>> taken);
// The frame's bytes; the frame is taken over and lives as long as they do.
SharedBytes bytes_of(zmq::message_t&& frame);
std::string_view view_of(const zmq::message_t& frame);

// Appends the head frame and the body frames.
void append_frames(Frames& frames, const EncodedMessage& message);

enum class SendResult {
    sent,
    full,         // no connection, or its queue is full: nothing was sent
    unreachable,  // a mandatory ROUTER has no such connection (any more)
};
// Sends the frames as one message, all or none. Never blocks. Leaves `frames` empty.
SendResult send_frames(zmq::socket_t& socket, Frames& frames);

struct FrameLimits {
    std::size_t frames_max;
    std::size_t bytes_max;  // of all frames together
};
enum class Receipt {
    nothing,    // no message waits
    whole,      // `frames` is the message
    oversized,  // `frames` is its beginning, up to a limit; the rest is thrown away
};
// Takes the next message, if one waits.
Receipt receive_frames(zmq::socket_t& socket, Frames& frames, FrameLimits limits);
// For messages of our own process, which need no limits. False: no message waits.
bool receive_frames(zmq::socket_t& socket, Frames& frames);

// Decodes frames [from, end) as head and bodies, which take the frames over.
Result<Delivery> decode_frames(Frames& frames, std::size_t from);

}  // namespace raftbus
