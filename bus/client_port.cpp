#include "bus/client_port.hpp"

#include <algorithm>
#include <utility>

#include "bus/clock.hpp"
#include "messages/route.hpp"

namespace raftbus {
namespace {

constexpr int kKeepaliveIdleSeconds = 30;
constexpr int kKeepaliveIntervalSeconds = 10;
constexpr int kKeepaliveProbes = 3;
constexpr std::size_t kBacklogMax = 1'024;  // connections that wait to be accepted
constexpr int kLingerMs = 200;              // for the last replies when the node stops
constexpr int kRequestsWaitingMax = 4'096;  // of one client; then its TCP connection is not read
// More of them are not looked at; for a message of so many the route is kept.
constexpr std::size_t kFramesKept = 1'024;

// What waits when the port is closed is still accepted.
int backlog(const ClientPortOptions& options) {
    const std::size_t room = options.accepted_max - options.connections_max;
    return static_cast<int>(std::clamp<std::size_t>(room / 2, 1, kBacklogMax));
}

}  // namespace

SharedBytes RouteCache::shared(std::string_view packed) {
    if (packed.size() > kBytesMax) return SharedBytes::copy(packed);
    SharedBytes& kept = kept_[std::hash<std::string_view>()(packed) % kept_.size()];
    if (kept.view() != packed) kept = SharedBytes::copy(packed);
    return kept;
}

ClientPort::ClientPort(Shared& shared, Complaints& complaints, Deliver deliver)
    : shared_(shared),
      complaints_(complaints),
      deliver_(std::move(deliver)),
      gate_(shared.zmq, shared.config.client_port, complaints),
      socket_(shared.zmq, zmq::socket_type::router) {
    const ClientPortOptions& options = shared.config.client_port;
    socket_.set(zmq::sockopt::linger, kLingerMs);
    socket_.set(zmq::sockopt::router_mandatory, true);  // tells when a client is gone
    socket_.set(zmq::sockopt::maxmsgsize, options.frame_bytes_max);
    socket_.set(zmq::sockopt::sndhwm, options.replies_waiting_max);
    socket_.set(zmq::sockopt::rcvhwm, kRequestsWaitingMax);
    socket_.set(zmq::sockopt::backlog, backlog(options));
    socket_.set(zmq::sockopt::tcp_keepalive, 1);
    socket_.set(zmq::sockopt::tcp_keepalive_idle, kKeepaliveIdleSeconds);
    socket_.set(zmq::sockopt::tcp_keepalive_intvl, kKeepaliveIntervalSeconds);
    socket_.set(zmq::sockopt::tcp_keepalive_cnt, kKeepaliveProbes);
    gate_.guard(socket_);
}

bool ClientPort::take(std::size_t) {
    const ClientPortOptions& options = shared_.config.client_port;
    // Envelope and body together, with room for the frames around a body of the longest kind.
    const FrameLimits limits{kFramesKept, 2 * static_cast<std::size_t>(options.frame_bytes_max)};
    ClientRequests requests;
    requests.frames.reserve(last_burst_);
    std::size_t bytes = 0;
    bool more = true;
    while (more && requests.frames.size() < options.burst_max && bytes < options.burst_bytes_max) {
        const Receipt receipt = receive_frames(socket_, incoming_, limits);
        more = receipt != Receipt::nothing;
        if (!more) break;
        gate_.heard(incoming_[0]);
        bytes += incoming_.back().size();
        add_request(requests.frames, receipt == Receipt::whole);
    }
    share_short_bodies(requests.frames);
    last_burst_ = requests.frames.size();
    if (!requests.frames.empty()) deliver_(std::move(requests));
    return more;
}

void ClientPort::add_request(std::vector<ClientFrame>& requests, bool whole) {
    shared_.counters.client_received.add();
    packed_.clear();
    append_frame(packed_, view_of(incoming_[0]));
    const std::size_t connection = packed_.size();
    std::size_t next = 1;  // the frame behind the delimiter
    bool delimited = false;
    while (next < incoming_.size() && !delimited) {
        append_frame(packed_, view_of(incoming_[next]));
        delimited = incoming_[next++].size() == 0;
    }
    if (!delimited) {
        packed_.resize(connection);
        append_frame(packed_, {});
    }
    ClientFrame& request = requests.emplace_back(ClientFrame{routes_.shared(packed_), {}});
    request.fault = fault(whole, delimited, next);
    if (request.fault != ClientFault::none) return shared_.counters.client_malformed.add();
    if (incoming_[next].size() < kInlineBytesMax) {
        short_bodies_.push_back({requests.size() - 1, short_bytes_.size()});
        short_bytes_ += view_of(incoming_[next]);
    } else {
        request.body = bytes_of(std::move(incoming_[next]));
    }
}

// `body`: the place of the frame behind the delimiter.
ClientFault ClientPort::fault(bool whole, bool delimited, std::size_t body) const {
    if (incoming_.size() > kClientFramesMax) return ClientFault::frames;
    if (!whole) return ClientFault::bytes;
    if (!delimited || body + 1 != incoming_.size()) return ClientFault::no_body;
    return packed_.size() > kRouteBytesMax ? ClientFault::route_bytes : ClientFault::none;
}

void ClientPort::share_short_bodies(std::vector<ClientFrame>& requests) {
    if (short_bodies_.empty()) return;
    const std::size_t size = short_bytes_.size();
    const SharedBytes all = SharedBytes::own(std::exchange(short_bytes_, {}));
    short_bytes_.reserve(size);  // the next are about as many
    std::size_t end = size;
    for (auto body = short_bodies_.rbegin(); body != short_bodies_.rend(); ++body) {
        requests[body->request].body = all.part(all.view().substr(body->begin, end - body->begin));
        end = body->begin;
    }
    short_bodies_.clear();
}

void ClientPort::reply(const ClientReplies& replies) {
    for (const ClientFrame& frame : replies.frames) {
        CHECK(frame.body, "a reply has a body");
        const SendResult result = send(frame.route, body_frame(frame));
        if (result == SendResult::sent) continue;
        shared_.counters.client_unsent.add();
        if (result == SendResult::full)
            complaints_.say(LogLevel::warning, "slow client",
                            "dropped a reply: a client does not read what it asked for",
                            steady_now());
    }
    set_ready(true);
}

StreamsTaken ClientPort::send_streams(const StreamReplies& replies) {
    StreamsTaken taken{replies.burst, {}};
    forget_taken_streams();
    StreamStop current;  // the stream that is being sent
    bool stopped = false;
    for (const StreamFrame& frame : replies.frames) {
        if (frame.stream != current.stream) {
            current = {frame.stream, 0, false};
            stopped = false;
        }
        if (stopped) continue;
        const SendResult result = send(frame);
        stopped = result != SendResult::sent;
        current.gone = result == SendResult::unreachable;
        if (stopped)
            taken.stopped.push_back(current);
        else
            ++current.taken;
    }
    set_ready(true);
    return taken;
}

void ClientPort::forget_taken_streams() {
    streams_left_ = 0;
    std::erase_if(streams_, [&](const auto& stream) {
        const std::uint64_t left = stream.second.left();
        streams_left_ += left;
        return left == 0;
    });
}

ClientPort::Unread& ClientPort::unread_of(ByConnection& all, const SharedBytes& route) {
    const std::string_view client = client_of(route.view());
    auto found = all.find(client);
    if (found == all.end())
        found = all.emplace(client, Unread{std::make_shared<std::atomic<std::uint64_t>>()}).first;
    return found->second;
}

// Short ones are bounded by their number. One that has nothing waiting may have the next.
SendResult ClientPort::send(const StreamFrame& frame) {
    const std::uint64_t bytes = frame.body.size() + frame.route.size();
    if (bytes < kInlineBytesMax) return send(frame.route, copied_frame(frame.body.view()));
    const ClientPortOptions& options = shared_.config.client_port;
    Unread& unread = unread_of(streams_, frame.route);
    const std::uint64_t left = unread.left();
    if (left > 0 && (left + bytes > options.stream_bytes_per_client_max ||
                     streams_left_ + bytes > options.stream_bytes_max))
        return SendResult::full;
    unread.given += bytes;
    streams_left_ += bytes;
    return send(frame.route, counted_frame(frame.body, bytes, unread.taken));
}

SendResult ClientPort::send(const SharedBytes& to, zmq::message_t body) {
    std::string_view route = to.view();
    CHECK(!route.empty(), "a reply goes back along the route it came by");
    while (!route.empty()) {
        const auto frame = take_frame(route);
        CHECK(frame, "a reply goes back along the route it came by");
        outgoing_.push_back(copied_frame(*frame));
    }
    outgoing_.push_back(std::move(body));
    return send_frames(socket_, outgoing_);
}

zmq::message_t ClientPort::body_frame(const ClientFrame& reply) {
    const std::size_t bytes = reply.body->size() + reply.route.size();
    if (bytes < kInlineBytesMax) return copied_frame(reply.body->view());
    Unread& unread = unread_of(unread_, reply.route);
    unread.given += bytes;
    return counted_frame(*reply.body, bytes, unread.taken);
}

RepliesTaken ClientPort::taken() {
    RepliesTaken news;
    for (auto it = unread_.begin(); it != unread_.end();) {
        auto& [client, unread] = *it;
        const std::uint64_t taken = unread.taken->load(std::memory_order_relaxed);
        if (taken != unread.told)
            news.clients.push_back({SharedBytes::copy(client), taken - unread.told});
        unread.told = taken;
        it = taken == unread.given ? unread_.erase(it) : std::next(it);
    }
    return news;
}

}  // namespace raftbus
