#include "bus/peer_port.hpp"

#include <fmt/format.h>

#include "bus/clock.hpp"
#include "messages/text.hpp"

namespace raftbus {
namespace {

// A peer's message: the connection's routing id, the preamble, the head, the bodies.
constexpr std::size_t kPreambleFrame = 1;
constexpr std::size_t kHeadFrame = 2;
constexpr FrameLimits kLimits{.frames_max = 8192, .bytes_max = 256 << 20};

constexpr int kPeerKeepaliveIdleSeconds = 10;
constexpr int kPeerKeepaliveIntervalSeconds = 5;
constexpr int kPeerKeepaliveProbes = 3;

std::vector<NodeId> peers_of(const NodeConfig& config) {
    std::vector<NodeId> peers;
    for (const Member& member : config.members)
        if (member.node != config.id) peers.push_back(member.node);
    return peers;
}

// Why a decoded message is not one that this peer may send here; empty: it is.
std::string_view misaddressed(const Delivery& delivery, const Shared& shared, NodeId peer) {
    const Envelope& envelope = delivery.envelope;
    if (!from_peers_too(delivery.message.index())) return "its type is for inside a node only";
    if (envelope.from.node != peer) return "its envelope names another sender";
    if (envelope.to.node != shared.config.id) return "its envelope names another receiver";
    if (envelope.to.actor == ActorName::bus) return "it is for no actor";
    const auto& actors = shared.actors;
    if (std::find(actors.begin(), actors.end(), envelope.to.actor) == actors.end())
        return "it is for an actor that this node does not have";
    return {};
}

}  // namespace

PeerPort::PeerPort(Shared& shared, Complaints& complaints, OnGuest on_guest, OnPeer on_peer)
    : shared_(shared),
      complaints_(complaints),
      on_guest_(std::move(on_guest)),
      on_peer_(std::move(on_peer)),
      admission_({shared.config.id, cluster_hash(shared.config.cluster), shared.incarnation,
                  shared.config.versions, shared.config.disk != 0},
                 peers_of(shared.config), shared.config.link.takeover),
      socket_(shared.zmq, zmq::socket_type::router) {
    const LinkOptions& options = shared.config.link;
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::maxmsgsize, options.frame_bytes_max);
    // libzmq ends the process (an assertion; its issues 3937, 4767) when a connection breaks while
    // it waits for room to put what it has read, and a heartbeat is due, of either side. A node
    // that was suspended finds itself there: much has arrived, and the peers have given it up. So
    // there is always room (what peers have under way is bounded by their windows), and this side
    // has no heartbeats: the peer that connected has them, and of one that is gone the kernel finds
    // out.
    socket_.set(zmq::sockopt::rcvhwm, 0);
    socket_.set(zmq::sockopt::tcp_keepalive, 1);
    socket_.set(zmq::sockopt::tcp_keepalive_idle, kPeerKeepaliveIdleSeconds);
    socket_.set(zmq::sockopt::tcp_keepalive_intvl, kPeerKeepaliveIntervalSeconds);
    socket_.set(zmq::sockopt::tcp_keepalive_cnt, kPeerKeepaliveProbes);
    socket_.set(zmq::sockopt::handshake_ivl, milliseconds_of(options.handshake_timeout));
}

bool PeerPort::take(std::size_t bound) {
    const Moment now = steady_now();
    for (std::size_t i = 0; i < bound; ++i) {
        switch (receive_frames(socket_, frames_, kLimits)) {
            case Receipt::nothing:
                return false;
            case Receipt::whole:
                take_message(now);
                break;
            case Receipt::oversized:
                complain("oversized", "it has too many frames or bytes", now);
                break;
        }
    }
    return true;
}

void PeerPort::take_message(Moment now) {
    if (frames_.size() <= kHeadFrame) return complain("short", "it has too few frames", now);
    const auto preamble = decode_preamble(view_of(frames_[kPreambleFrame]));
    if (!preamble) return complain("preamble", preamble.error().message, now);
    const std::size_t guests = admission_.guests().size();
    const auto verdict = admission_.judge(*preamble, now);
    if (admission_.guests().size() > guests)
        on_guest_({.node = preamble->from, .peer = preamble->endpoint});
    if (const auto* cause = std::get_if<RefusalCause>(&verdict))
        return refuse(*cause, *preamble, now);
    const auto* admitted = std::get_if<PeerAdmission::Admitted>(&verdict);
    if (admitted == nullptr) return;
    if (admitted->news)
        on_peer_(
            {preamble->from, preamble->versions().oldest, preamble->version, preamble->formed});
    take_admitted(*preamble, now);
}

void PeerPort::take_admitted(const Preamble& preamble, Moment now) {
    const auto delivery = decode_frames(frames_, kHeadFrame);
    if (!delivery) return complain("message", delivery.error().message, now);
    const std::string_view fault = misaddressed(*delivery, shared_, preamble.from);
    if (!fault.empty()) return complain("address", std::string(fault), now);
    shared_.counters.peer_received.add();
    if (!post_->take_from_peer(*delivery))
        complain("receiver",
                 fmt::format("{} takes no {}", to_string(delivery->envelope.to.actor),
                             name_of(delivery->message.index())),
                 now);
}

void PeerPort::refuse(RefusalCause cause, const Preamble& preamble, Moment now) {
    shared_.counters.peer_refused.add();
    const std::string key =
        fmt::format("refused {} {}", static_cast<int>(cause), preamble.from.value);
    const std::string text =
        tell_refusing(cause, preamble, shared_.config.id, admission_.speaks(), admission_.spoken());
    // The answer goes out as seldom as the line in the log, or two nodes could keep each other
    // busy.
    if (!complaints_.say(LogLevel::error, key, text, now)) return;
    const PeerRefusal refusal{cause,
                              shared_.config.id,
                              admission_.speaks().newest,
                              shared_.config.cluster,
                              admission_.committed(),
                              admission_.speaks().oldest,
                              admission_.spoken(),
                              admission_.formed()};
    Frames answer;
    answer.push_back(std::move(frames_[0]));
    answer.push_back(copied_frame(encode_refusal(refusal)));
    send_frames(socket_, answer);
    set_ready(true);
}

void PeerPort::complain(const std::string& cause, const std::string& text, Moment now) {
    shared_.counters.peer_malformed.add();
    complaints_.say(LogLevel::warning, "malformed " + cause,
                    "dropped a message at the peers' port: " + text, now);
}

}  // namespace raftbus
