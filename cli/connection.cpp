#include "cli/connection.hpp"

#include <fmt/format.h>

#include <cstring>
#include <map>

#include "bus/clock.hpp"
#include "bus/resolver.hpp"
#include "cli/endpoints.hpp"
#include "cli/failure.hpp"

namespace raftbus::cli {
namespace {

constexpr int kHandshakeMs = 1000;
constexpr int kPingMs = 500;  // a node that is frozen is noticed
constexpr int kPingTimeoutMs = 2000;
constexpr int kReconnectMs = 600'000;  // never, so to speak: what failed is replaced, not repaired
constexpr int kWatched = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_CONNECT_RETRIED |
                         ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECTED |
                         ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |
                         ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                         ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

constexpr Duration kNamePatience = std::chrono::seconds(1);
constexpr Duration kAskNameAgain = std::chrono::seconds(10);  // one that nobody knew

struct KnownName {
    Resolved resolved;
    Moment asked;
};

// The error is a Failure. A name is waited for once, and again after a while if nobody knew it.
std::vector<std::string> addresses_of(const std::string& text) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint)
        throw Failure(Exit::refused, endpoint.error().message, "an endpoint is host:port");
    if (endpoint->kind != HostKind::name) return {text};
    static std::map<std::string, KnownName> known;
    const auto [found, fresh] = known.try_emplace(endpoint->host);
    KnownName& name = found->second;
    if (fresh || (name.resolved.addresses.empty() && steady_now() - name.asked > kAskNameAgain))
        name = {resolve_within(endpoint->host, kNamePatience), steady_now()};
    std::vector<std::string> addresses;
    for (const std::string& host : name.resolved.addresses)
        addresses.push_back(Endpoint{host, endpoint->port}.text());
    return addresses;
}

bool on_this_machine(std::string_view endpoint) {
    const auto parsed = parse_endpoint(endpoint);
    return parsed && (parsed->host.starts_with("127.") || parsed->host == "localhost" ||
                      parsed->host == "[::1]");
}

}  // namespace

Connection::Connection(zmq::context_t& context, std::string endpoint)
    : endpoint_(std::move(endpoint)),
      dealer_(context, zmq::socket_type::dealer),
      monitor_(context, zmq::socket_type::pair) {
    dealer_.set(zmq::sockopt::linger, 0);
    dealer_.set(zmq::sockopt::immediate, true);
    dealer_.set(zmq::sockopt::ipv6, true);
    dealer_.set(zmq::sockopt::handshake_ivl, kHandshakeMs);
    dealer_.set(zmq::sockopt::heartbeat_ivl, kPingMs);
    dealer_.set(zmq::sockopt::heartbeat_timeout, kPingTimeoutMs);
    dealer_.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
    monitor_.set(zmq::sockopt::linger, 0);

    const std::string inproc = fmt::format("inproc://monitor-{}", dealer_.handle());
    zmq_socket_monitor(dealer_.handle(), inproc.c_str(), kWatched);
    monitor_.connect(inproc);
    addresses_ = addresses_of(endpoint_);
    if (addresses_.empty()) fail("the host is unknown");
    connect();
}

// libzmq would look a name up in the one thread that serves all connections.
void Connection::connect() {
    if (addresses_.empty()) return;
    const std::string address = addresses_.front();
    addresses_.erase(addresses_.begin());
    try {
        dealer_.connect(address);
    } catch (const zmq::error_t& wrong) {
        throw Failure(Exit::refused,
                      fmt::format("cannot connect to {}: {}", short_form(endpoint_), wrong.what()),
                      "an endpoint is host:port");
    }
}

Connection::~Connection() {
    zmq_socket_monitor(dealer_.handle(), nullptr, 0);
}

void Connection::fail(std::string reason) {
    if (failed()) return;
    state_ = State::failed;
    reason_ = std::move(reason);
}

void Connection::update() {
    zmq::message_t head, address;
    while (monitor_.recv(head, zmq::recv_flags::dontwait)) {
        std::uint16_t event = 0;
        std::uint32_t value = 0;
        std::memcpy(&event, head.data<char>(), sizeof event);
        std::memcpy(&value, head.data<char>() + sizeof event, sizeof value);
        if (head.more()) (void)monitor_.recv(address);
        switch (event) {
            case ZMQ_EVENT_CONNECT_DELAYED:
                progress_ = Progress::asked;
                break;
            case ZMQ_EVENT_CONNECTED:
                progress_ = Progress::connected;
                break;
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
                if (state_ == State::opening) state_ = State::ready;
                break;
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
                fail("it refuses this client's key");
                break;
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
                fail(value == ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA
                         ? "a ZeroMQ socket of another kind: perhaps a node's port for traces"
                         : "it does not speak ZeroMQ as a raftbus node does");
                break;
            case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                fail("no ZeroMQ handshake: it hangs, or is not a raftbus node");
                break;
            case ZMQ_EVENT_CLOSED:  // told of an attempt, before it is said when the next is due
                if (state_ == State::opening && !addresses_.empty()) break;
                fail(ready() ? "the connection broke" : reason_not_connected());
                break;
            case ZMQ_EVENT_CONNECT_RETRIED:
                if (addresses_.empty())
                    fail(ready() ? "the connection broke" : "the host is unknown");
                else
                    connect();  // the name's next address
                break;
            default:
                fail(ready() ? "the connection broke"
                             : "it hangs up: perhaps a node's port for traces");
        }
    }
}

std::string Connection::reason_not_connected() const {
    switch (progress_) {
        case Progress::none:
            // At once: on this machine a refusal, elsewhere there is no way to it either.
            return on_this_machine(endpoint_) ? "connection refused"
                                          : "connection refused, or no route to it";
        case Progress::asked:
            return "connection refused";
        case Progress::connected:
            break;
    }
    return "it hangs up: perhaps a node's port for traces";
}

bool Connection::send(std::string_view body) {
    // The pipe may lag behind the monitor's event by a moment.
    constexpr int kMomentMs = 100;
    dealer_.set(zmq::sockopt::sndtimeo, kMomentMs);
    zmq::message_t empty, payload(body.data(), body.size());
    try {
        return dealer_.send(empty, zmq::send_flags::sndmore) &&
               dealer_.send(payload, zmq::send_flags::none);
    } catch (const zmq::error_t& interrupted) {
        if (interrupted.num() != EINTR) throw;
        return false;
    }
}

std::optional<std::string> Connection::receive() {
    zmq::message_t frame;
    if (!dealer_.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
    while (frame.more()) (void)dealer_.recv(frame);
    return frame.to_string();
}

}  // namespace raftbus::cli
