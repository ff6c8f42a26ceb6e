#include "bus/frames.hpp"

#include <limits>

#if defined(__SANITIZE_THREAD__)
extern "C" {
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#endif

namespace raftbus {
namespace {

// What was written before handed_over(p) in one thread is seen after taken_over(p) in another.
// libzmq's queues order the two; ThreadSanitizer does not see that, since libzmq is not built with
// it.
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
void handed_over(const void* p) {
    __tsan_release(const_cast<void*>(p));
}
void taken_over(const void* p) {
    __tsan_acquire(const_cast<void*>(p));
}
#else
constexpr bool kThreadSanitizer = false;
void handed_over(const void*) {}
void taken_over(const void*) {}
#endif

void release_bytes(void*, void* hint) {
    taken_over(hint);
    delete static_cast<SharedBytes*>(hint);
}

struct Counted {
    SharedBytes bytes;
    std::uint64_t count;
    std::shared_ptr<std::atomic<std::uint64_t>> taken;
};

void release_counted(void*, void* hint) {
    taken_over(hint);
    const auto* counted = static_cast<Counted*>(hint);
    counted->taken->fetch_add(counted->count, std::memory_order_relaxed);
    delete counted;
}

zmq::message_t frame_around(const SharedBytes& bytes) {
    auto* owner = new SharedBytes(bytes);
    handed_over(owner);
    return {const_cast<char*>(bytes.data()), bytes.size(), release_bytes, owner};
}

// A send with DONTWAIT may refuse for milliseconds after there is room, because libzmq looks at its
// commands only now and then. Asking for the events makes it look.
bool has_room(zmq::socket_t& socket) {
    return (socket.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0;
}

bool send_one(zmq::socket_t& socket, zmq::message_t& frame, bool more) {
    handed_over(frame.data());
    return zmq_msg_send(frame.handle(), socket.handle(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >=
           0;
}

SendResult failed_send() {
    switch (zmq_errno()) {
        case EAGAIN:
            return SendResult::full;
        case EHOSTUNREACH:
            return SendResult::unreachable;
        default:
            throw zmq::error_t();
    }
}

}  // namespace

zmq::message_t copied_frame(std::string_view bytes) {
    // libzmq keeps short frames inside its own structures and moves them about, so that there would
    // be no address to tell ThreadSanitizer of.
    if (kThreadSanitizer) return frame_around(SharedBytes::copy(bytes));
    return {bytes.data(), bytes.size()};
}

zmq::message_t shared_frame(const SharedBytes& bytes) {
    return bytes.size() < kInlineBytesMax ? copied_frame(bytes.view()) : frame_around(bytes);
}

zmq::message_t counted_frame(const SharedBytes& bytes, std::uint64_t count,
                             std::shared_ptr<std::atomic<std::uint64_t>> taken) {
    constexpr std::size_t kFew = 64 << 10;
    auto* counted = new Counted{bytes.size() < kFew ? SharedBytes::copy(bytes.view()) : bytes, count,
                                std::move(taken)};
    handed_over(counted);
    return {const_cast<char*>(counted->bytes.data()), bytes.size(), release_counted, counted};
}

SharedBytes bytes_of(zmq::message_t&& frame) {
    auto owner = std::make_shared<zmq::message_t>(std::move(frame));
    const std::string_view view = view_of(*owner);
    return {std::move(owner), view};
}

std::string_view view_of(const zmq::message_t& frame) {
    return {static_cast<const char*>(frame.data()), frame.size()};
}

void append_frames(Frames& frames, const EncodedMessage& message) {
    frames.push_back(copied_frame(message.head));
    for (const SharedBytes& body : message.bodies) frames.push_back(shared_frame(body));
}

SendResult send_frames(zmq::socket_t& socket, Frames& frames) {
    SendResult result = SendResult::sent;
    for (std::size_t i = 0; i < frames.size() && result == SendResult::sent; ++i) {
        const bool more = i + 1 < frames.size();
        if (send_one(socket, frames[i], more)) continue;
        result = failed_send();
        // Only a first frame may be tried again: after a later one the message is rolled back.
        if (result == SendResult::full && i == 0 && has_room(socket))
            result = send_one(socket, frames[i], more) ? SendResult::sent : failed_send();
    }
    frames.clear();
    return result;
}

Receipt receive_frames(zmq::socket_t& socket, Frames& frames, FrameLimits limits) {
    frames.clear();
    std::size_t bytes = 0;
    Receipt receipt = Receipt::whole;
    for (;;) {
        zmq::message_t frame;
        if (!socket.recv(frame, zmq::recv_flags::dontwait)) return Receipt::nothing;
        taken_over(frame.data());
        const bool more = frame.more();
        bytes += frame.size();
        if (frames.size() == limits.frames_max || bytes > limits.bytes_max)
            receipt = Receipt::oversized;
        if (receipt == Receipt::whole) frames.push_back(std::move(frame));
        if (!more) return receipt;
    }
}

bool receive_frames(zmq::socket_t& socket, Frames& frames) {
    constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
    return receive_frames(socket, frames, {none, none}) == Receipt::whole;
}

Result<Delivery> decode_frames(Frames& frames, std::size_t from) {
    if (frames.size() <= from) return Error{"the message has no head frame"};
    std::vector<SharedBytes> bodies;
    bodies.reserve(frames.size() - from - 1);
    for (std::size_t i = from + 1; i < frames.size(); ++i)
        bodies.push_back(bytes_of(std::move(frames[i])));
    return decode(bytes_of(std::move(frames[from])), bodies);
}

}  // namespace raftbus
