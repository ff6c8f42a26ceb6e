#include "bus/peer_link.hpp"

#include <fmt/format.h>

#include <cstring>

#include "bus/clock.hpp"
#include "bus/endpoint.hpp"

namespace raftbus {
namespace {

constexpr int kLinkEvents = ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED |
                            ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |
                            ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr std::int64_t kAnswerBytesMax = 64 << 10;
constexpr FrameLimits kAnswerLimits{.frames_max = 16, .bytes_max = kAnswerBytesMax};
constexpr std::size_t kAnswersPerCheck = 10'000;

}  // namespace

PeerLink::PeerLink(zmq::context_t& context, const Member& peer, std::string address,
                   const LinkOptions& options, std::string preamble, LinkEvents& events,
                   std::uint64_t number)
    : context_(context),
      peer_(peer),
      address_(std::move(address)),
      options_(options),
      preamble_(std::move(preamble)),
      events_(events),
      number_(number) {
    try {
        open();
    } catch (const zmq::error_t&) {
        close();
        throw;
    }
}

PeerLink::~PeerLink() {
    close();
}

void PeerLink::open() {
    socket_ = zmq::socket_t(context_, zmq::socket_type::dealer);
    socket_.set(zmq::sockopt::linger, 0);
    // Nothing is queued for a peer that is not there: it would arrive stale.
    socket_.set(zmq::sockopt::immediate, true);
    socket_.set(zmq::sockopt::sndhwm, options_.messages_waiting_max);
    // A connection that breaks while libzmq waits for room to put what it read ends the process at
    // the next heartbeat (libzmq issues 3937, 4767): so there is always room. Who does not speak as
    // a peer is not written to more often than check() reads.
    socket_.set(zmq::sockopt::rcvhwm, 0);
    socket_.set(zmq::sockopt::maxmsgsize, kAnswerBytesMax);
    socket_.set(zmq::sockopt::ipv6, address_.find('[') != std::string::npos);
    socket_.set(zmq::sockopt::heartbeat_ivl, milliseconds_of(options_.heartbeat));
    socket_.set(zmq::sockopt::heartbeat_timeout, milliseconds_of(options_.heartbeat_timeout));
    socket_.set(zmq::sockopt::connect_timeout, milliseconds_of(options_.connect_timeout));
    socket_.set(zmq::sockopt::reconnect_ivl, milliseconds_of(options_.reconnect));
    socket_.set(zmq::sockopt::reconnect_ivl_max, milliseconds_of(options_.reconnect_max));
    socket_.set(zmq::sockopt::handshake_ivl, milliseconds_of(options_.handshake_timeout));

    const std::string monitor = fmt::format("inproc://monitor.{}.{}", number_, ++built_);
    if (zmq_socket_monitor(socket_.handle(), monitor.c_str(), kLinkEvents) != 0)
        throw zmq::error_t();
    monitor_ = zmq::socket_t(context_, zmq::socket_type::pair);
    monitor_.set(zmq::sockopt::linger, 0);
    monitor_.connect(monitor);
    socket_.connect(address_);
    failed_ = false;
    stirred_ = true;
}

void PeerLink::close() {
    if (socket_.handle() != nullptr) zmq_socket_monitor(socket_.handle(), nullptr, 0);
    monitor_.close();
    socket_.close();
}

void PeerLink::rebuild(Moment now) {
    close();
    lose();
    last_sign_ = now;
    try {
        open();
    } catch (const zmq::error_t&) {
        close();
        throw;
    }
}

SendResult PeerLink::send(Frames& message) {
    message[0] = copied_frame(preamble_);
    return send_frames(socket_, message);
}

bool PeerLink::check(Moment now) {
    hear_answers();
    if (up_ || stirred_) last_sign_ = now;
    stirred_ = false;
    return failed_ || now - last_sign_ >= options_.rebuild_after;
}

void PeerLink::hear_answers() {
    Frames frames;
    for (std::size_t i = 0; i < kAnswersPerCheck; ++i) {
        if (receive_frames(socket_, frames, kAnswerLimits) == Receipt::nothing) return;
        events_.on_peer_answer(peer_.node, frames);
    }
}

bool PeerLink::take(std::size_t bound) {
    Frames frames;
    for (std::size_t i = 0; i < bound; ++i) {
        if (!receive_frames(monitor_, frames)) return false;
        std::uint16_t event = 0;
        CHECK(frames[0].size() >= sizeof event);
        std::memcpy(&event, frames[0].data(), sizeof event);
        on_monitor_event(event);
    }
    return true;
}

void PeerLink::on_monitor_event(std::uint16_t event) {
    stirred_ = true;
    switch (event) {
        case ZMQ_EVENT_CONNECT_DELAYED:
            connecting_ = steady_now();
            break;
        case ZMQ_EVENT_CONNECTED:
            connecting_.reset();
            trouble_ = "it does not complete the handshake: it hangs, or is another program";
            break;
        case ZMQ_EVENT_CLOSED:
            trouble_ = connect_trouble();
            connecting_.reset();
            closed_ = true;
            break;
        case ZMQ_EVENT_CONNECT_RETRIED:
            // An attempt that had not even a socket.
            if (!std::exchange(closed_, false))
                trouble_ = "its host name cannot be resolved";
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            up_ = true;
            events_.on_peer_up(peer_.node);
            break;
        case ZMQ_EVENT_DISCONNECTED:
            if (up_) trouble_ = "the connection broke";
            closed_ = true;
            lose();
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            trouble_ = "it does not speak as a raftbus peer: another program has its address";
            failed_ = true;
            lose();
            break;
        default:
            break;  // a sign of life, and no more
    }
}

// libzmq does not tell the error of connect(), so the time that it took has to do.
std::string_view PeerLink::connect_trouble() const {
    // At once: on this machine a refusal, elsewhere there is no way to it either.
    if (!connecting_)
        return is_loopback(peer_.peer) ? "connection refused"
                                       : "connection refused, or no route to it";
    const bool slow = steady_now() - *connecting_ >= options_.connect_timeout * 9 / 10;
    return slow ? "no answer: its machine is down or cut off" : "connection refused";
}

void PeerLink::lose() {
    if (!up_) return;
    up_ = false;
    events_.on_peer_lost(peer_.node);
}

}  // namespace raftbus
