#include "bus/client_gate.hpp"

#include <fmt/format.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "bus/clock.hpp"
#include "bus/open_files.hpp"
#include "messages/check.hpp"

namespace raftbus {
namespace {

constexpr const char* kZap = "inproc://zeromq.zap.01";
constexpr const char* kMonitor = "inproc://monitor.clients";
constexpr const char* kDomain = "clients";
constexpr int kHandshakeMs = 2'000;
constexpr Duration kSettled = std::chrono::milliseconds(2 * kHandshakeMs);
constexpr int kHandshakeFailed = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int kMonitored = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED |
                           ZMQ_EVENT_LISTENING | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | kHandshakeFailed;
constexpr std::uint64_t kFreeToReopen = 16;  // files
constexpr std::size_t kQuestionFrames = 2;   // version and request id are echoed

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

ClientGate::ClientGate(zmq::context_t& context, const ClientPortOptions& options,
                       Complaints& complaints)
    : max_(options.connections_max),
      accepted_max_(std::max(options.accepted_max, max_)),
      reopened_at_(accepted_max_ - (accepted_max_ - max_ + 1) / 2),
      complaints_(complaints),
      count_(max_, kSettled),
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
    if (kind == ZMQ_EVENT_ACCEPTED) {
        count_.accepted(static_cast<int>(value), now);
        if (count_.accepted() >= accepted_max_)
            shut(now, fmt::format("{} connections are open", count_.accepted()));
    } else if (kind == ZMQ_EVENT_DISCONNECTED) {
        on_disconnected(static_cast<int>(value), now);
    } else if (kind == ZMQ_EVENT_ACCEPT_FAILED) {
        shut(now, std::strerror(static_cast<int>(value)));
    } else if (kind == ZMQ_EVENT_LISTENING) {
        listener_ = static_cast<int>(value);
    } else if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        ++shaken_hands_;
    } else {
        failed_ = true;
    }
}

// libzmq cuts off who speaks ZMTP 1.0 or 2.0, since those cannot be asked about (ZAP), and says
// nothing: of all others a success was told, or a failure just before the end.
void ClientGate::on_disconnected(int fd, Moment now) {
    const bool told =
        std::exchange(failed_, false) || count_.served(fd) || shaken_hands_ > count_.all_served();
    if (!told)
        complaints_.say(LogLevel::warning, "older protocol",
                        "cut off a client that speaks ZMTP 1.0 or 2.0, or is not a ZeroMQ program: "
                        "this node speaks ZMTP 3 (libzmq 4.0 and later; docs/protocol.md)",
                        now);
    else if (shaken_hands_ > 0)
        --shaken_hands_;
    count_.closed(fd);
}

// A filter that lets nothing pass has the kernel drop what would begin a connection; it is not seen
// by those that stand. libzmq's own way, to unbind, would end them all.
void ClientGate::shut(Moment now, std::string_view why) {
    if (shut_ || listener_ < 0) return;
    sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{1, &nothing};
    shut_ = setsockopt(listener_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
    complaints_.say(LogLevel::error, "port shut",
                    fmt::format("closed the clients' port to further ones until some have left: "
                                "{}; raise the limit of open files (ulimit -n, LimitNOFILE)",
                                why),
                    now);
}

void ClientGate::look(Moment now) {
    if (!shut_ || count_.accepted() > reopened_at_) return;
    if (open_files() > open_files_limit() - kFreeToReopen) return;
    const int unused = 0;
    if (setsockopt(listener_, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) != 0) return;
    shut_ = false;
    complaints_.say(LogLevel::info, "port open", "further clients may connect again", now);
}

void ClientGate::heard(const zmq::message_t& frame) {
    if (!count_.wonders()) return;
    const int fd = zmq_msg_get(const_cast<zmq::message_t&>(frame).handle(), ZMQ_SRCFD);
    if (fd >= 0) count_.heard(fd);
}

}  // namespace raftbus
