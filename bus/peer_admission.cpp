#include "bus/peer_admission.hpp"

#include "messages/catalog.hpp"

namespace raftbus {
namespace {
constexpr std::size_t kReplacedMax = 64;  // remembered of each peer
constexpr Duration kEnded =
    std::chrono::seconds(3);  // so long silent, a process is taken to be gone
}  // namespace

PeerAdmission::PeerAdmission(Self self, std::vector<NodeId> peers, Duration takeover)
    : self_(self), takeover_(takeover) {
    for (const NodeId peer : peers) peers_[peer] = {};
}

PeerAdmission::Verdict PeerAdmission::judge(const Preamble& preamble, Moment now) {
    if (preamble.version != kWireVersion) return RefusalCause::wrong_version;
    if (preamble.cluster != self_.cluster) return RefusalCause::wrong_cluster;
    if (preamble.to != self_.node) return RefusalCause::wrong_receiver;
    if (preamble.from == self_.node) return RefusalCause::duplicate_id;
    const auto peer = peers_.find(preamble.from);
    if (peer == peers_.end()) return RefusalCause::unknown_sender;
    return judge_incarnation(peer->second, preamble.incarnation, now);
}

PeerAdmission::Verdict PeerAdmission::judge_incarnation(Peer& peer, std::uint64_t incarnation,
                                                        Moment now) {
    if (incarnation == peer.incarnation) {
        peer.heard = now;
        return Admitted{};
    }
    if (peer.replaced.contains(incarnation)) {
        if (now - peer.since < takeover_) return Ignored{};
        if (now - peer.heard < kEnded) return RefusalCause::duplicate_id;
        peer.replaced.erase(incarnation);  // the other one has ended: this one is alone again
    }
    if (peer.incarnation != 0) {
        if (peer.replaced.size() == kReplacedMax) peer.replaced.clear();
        peer.replaced.insert(peer.incarnation);
    }
    peer.incarnation = incarnation;
    peer.since = now;
    peer.heard = now;
    return Admitted{};
}

}  // namespace raftbus
