#include "cli/trace_source.hpp"

#include "messages/endpoint.hpp"

namespace raftbus::cli {
namespace {

constexpr int kEventsWaitingMax = 100'000;  // what is more is dropped, and shows as a gap
constexpr int kKeepaliveIdleSeconds = 10;
constexpr int kKeepaliveIntervalSeconds = 5;
constexpr int kReconnectMs = 100;
constexpr std::size_t kBurstMax = 10'000;  // handed over at once

}  // namespace

TraceSource::TraceSource() : subscriber_(context_, zmq::socket_type::sub) {
    subscriber_.set(zmq::sockopt::linger, 0);
    subscriber_.set(zmq::sockopt::ipv6, true);
    subscriber_.set(zmq::sockopt::rcvhwm, kEventsWaitingMax);
    // No heartbeats: with a full queue libzmq ends the process at the next one (its issue 4767).
    subscriber_.set(zmq::sockopt::tcp_keepalive, 1);
    subscriber_.set(zmq::sockopt::tcp_keepalive_idle, kKeepaliveIdleSeconds);
    subscriber_.set(zmq::sockopt::tcp_keepalive_intvl, kKeepaliveIntervalSeconds);
    subscriber_.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
    subscriber_.set(zmq::sockopt::subscribe, "");
}

void TraceSource::connect(const std::string& endpoint) {
    if (!parse_reachable(endpoint) || !endpoints_.insert(endpoint).second) return;
    subscriber_.connect(endpoint);
}

std::vector<TraceEvent> TraceSource::receive(std::chrono::milliseconds patience) {
    std::vector<TraceEvent> events;
    try {
        zmq::pollitem_t item{subscriber_.handle(), 0, ZMQ_POLLIN, 0};
        zmq::poll(&item, 1, patience);
        zmq::message_t topic, body;
        while (events.size() < kBurstMax && subscriber_.recv(topic, zmq::recv_flags::dontwait)) {
            bool more = topic.more();
            if (more) (void)subscriber_.recv(body);
            more = more && body.more();
            for (zmq::message_t surplus; more; more = surplus.more())
                (void)subscriber_.recv(surplus);
            auto event = decode_trace(body.to_string_view());
            if (event) events.push_back(std::move(*event));
        }
    } catch (const zmq::error_t& interrupted) {
        if (interrupted.num() != EINTR) throw;
    }
    return events;
}

}  // namespace raftbus::cli
