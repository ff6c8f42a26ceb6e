#include "bus/client_gate.hpp"

#include <fmt/format.h>

#include <cstring>

#include "bus/clock.hpp"
#include "messages/check.hpp"

namespace raftbus {
namespace {

constexpr const char* kZap = "inproc://zeromq.zap.01";
constexpr const char* kMonitor = "inproc://monitor.clients";
constexpr const char* kDomain = "clients";
constexpr int kHandshakeMs = 2'000;
constexpr Duration kSettled = std::chrono::milliseconds(2 * kHandshakeMs);
constexpr int kMonitored = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED;
constexpr std::size_t kQuestionFrames = 2;  // version and request id are echoed

}  // namespace

ClientGate::Inlet::Inlet(zmq::context_t& context, zmq::socket_type type, Take take)
    : socket_(context, type), take_(std::move(take)) {
    socket_.set(zmq::sockopt::linger, 0);
    // libzmq's own thread waits for room here, so there is always some.
    socket_.set(zmq::sockopt::rcvhwm, 0);
}

bool ClientGate::Inlet::take(std::size_t bound) {
    for (std::size_t i = 0; i < bound; ++i) {
        if (!receive_frames(socket_, frames_)) return false;
        take_(socket_, frames_);
    }
    return true;
}

ClientGate::ClientGate(zmq::context_t& context, std::size_t connections_max, Complaints& complaints)
    : max_(connections_max),
      complaints_(complaints),
      count_(connections_max, kSettled),
      questions_(context, zmq::socket_type::rep,
                 [this](zmq::socket_t& socket, Frames& frames) { answer(socket, frames); }),
      events_(context, zmq::socket_type::pair,
              [this](zmq::socket_t&, Frames& frames) { on_event(frames); }) {
    questions_.socket().bind(kZap);
}

void ClientGate::guard(zmq::socket_t& socket) {
    guarded_ = &socket;
    socket.set(zmq::sockopt::handshake_ivl, kHandshakeMs);
    socket.set(zmq::sockopt::zap_domain, kDomain);
    if (zmq_socket_monitor(socket.handle(), kMonitor, kMonitored) != 0) throw zmq::error_t();
    events_.socket().connect(kMonitor);
}

void ClientGate::close() {
    if (guarded_ != nullptr && guarded_->handle() != nullptr)
        zmq_socket_monitor(guarded_->handle(), nullptr, 0);
    events_.socket().close();
    questions_.socket().close();
}

void ClientGate::answer(zmq::socket_t& socket, const Frames& question) {
    CHECK(question.size() >= kQuestionFrames, "libzmq asks as its specification says");
    const Moment now = steady_now();
    const bool admitted = count_.admit(now);
    if (!admitted)
        complaints_.say(LogLevel::warning, "too many clients",
                        fmt::format("refused a client: {} are connected, the limit "
                                    "(--connections-max)",
                                    max_),
                        now);
    Frames reply;
    for (std::size_t i = 0; i < kQuestionFrames; ++i)
        reply.push_back(copied_frame(view_of(question[i])));
    for (const std::string_view part : {admitted ? "200" : "300", "", "", ""})
        reply.push_back(copied_frame(part));
    send_frames(socket, reply);
    questions_.set_ready(true);
}

void ClientGate::on_event(const Frames& event) {
    std::uint16_t kind = 0;
    std::uint32_t value = 0;
    CHECK(event[0].size() >= sizeof kind + sizeof value);
    std::memcpy(&kind, event[0].data(), sizeof kind);
    std::memcpy(&value, static_cast<const char*>(event[0].data()) + sizeof kind, sizeof value);
    const Moment now = steady_now();
    if (kind == ZMQ_EVENT_ACCEPTED)
        count_.accepted(static_cast<int>(value), now);
    else if (kind == ZMQ_EVENT_DISCONNECTED)
        count_.closed(static_cast<int>(value));
    else if (kind == ZMQ_EVENT_ACCEPT_FAILED)
        complaints_.say(LogLevel::error, "accept failed",
                        fmt::format("could not take a client's connection: {}; is the limit of "
                                    "open files (ulimit -n) too low?",
                                    std::strerror(static_cast<int>(value))),
                        now);
}

void ClientGate::heard(const zmq::message_t& frame) {
    if (!count_.wonders()) return;
    const int fd = zmq_msg_get(const_cast<zmq::message_t&>(frame).handle(), ZMQ_SRCFD);
    if (fd >= 0) count_.heard(fd);
}

}  // namespace raftbus
