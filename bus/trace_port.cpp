#include "bus/trace_port.hpp"

namespace raftbus {
namespace {

constexpr int kEventsWaitingMax = 50'000;  // for one listener, or between two threads
constexpr std::int64_t kTopicBytesMax = 4096;
constexpr const char* kInbox = "inproc://trace";

void append_event(Frames& frames, const TraceEvent& event) {
    frames.push_back(copied_frame(topic_of(event)));
    frames.push_back(copied_frame(encode_trace(event)));
}

}  // namespace

TracePort::TracePort(zmq::context_t& context, TraceSwitch& tracing)
    : tracing_(tracing), socket_(context, zmq::socket_type::xpub) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::sndhwm, kEventsWaitingMax);
    socket_.set(zmq::sockopt::maxmsgsize, kTopicBytesMax);
}

void TracePort::publish(const TraceEvent& event) {
    append_event(frames_, event);
    publish(frames_);
}

void TracePort::publish(Frames& frames) {
    send_frames(socket_, frames);
    set_ready(true);
}

bool TracePort::take(std::size_t bound) {
    Frames incoming;
    for (std::size_t i = 0; i < bound; ++i) {
        const Receipt receipt = receive_frames(socket_, incoming, {1, kTopicBytesMax});
        if (receipt == Receipt::nothing) return false;
        if (receipt == Receipt::oversized || incoming[0].size() == 0) continue;
        // ZeroMQ tells of the first subscription to a topic and of the end of the last one.
        const std::string_view news = view_of(incoming[0]);
        if (news[0] == 1) ++subscriptions_;
        if (news[0] == 0 && subscriptions_ > 0) --subscriptions_;
        tracing_.set(subscriptions_ > 0);
    }
    return true;
}

TraceInbox::TraceInbox(zmq::context_t& context, TracePort& port)
    : port_(port), socket_(context, zmq::socket_type::pull) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, kEventsWaitingMax);
    socket_.bind(kInbox);
}

bool TraceInbox::take(std::size_t bound) {
    for (std::size_t i = 0; i < bound; ++i) {
        if (!receive_frames(socket_, frames_)) return false;
        port_.publish(frames_);
    }
    return true;
}

TracePush::TracePush(zmq::context_t& context) : socket_(context, zmq::socket_type::push) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::sndhwm, kEventsWaitingMax);
    socket_.connect(kInbox);
}

void TracePush::publish(const TraceEvent& event) {
    append_event(frames_, event);
    send_frames(socket_, frames_);
}

}  // namespace raftbus
