#include "bus/peer_admission.hpp"

#include <algorithm>

#include "messages/membership.hpp"

namespace raftbus {
namespace {
constexpr std::size_t kReplacedMax = 64;  // remembered of each peer
constexpr std::size_t kGuestsMax = 8;
constexpr Duration kEnded =
    std::chrono::seconds(3);  // so long silent, a process is taken to be gone
}  // namespace

PeerAdmission::PeerAdmission(Self self, std::vector<NodeId> peers, Duration takeover)
    : self_(self), takeover_(takeover) {
    for (const NodeId peer : peers) peers_[peer] = {};
}

PeerAdmission::Verdict PeerAdmission::judge(const Preamble& preamble, Moment now) {
    if (self_.waits && !told_) return Ignored{};
    if (!self_.speaks.overlaps(preamble.versions())) return RefusalCause::wrong_version;
    if (preamble.cluster != self_.cluster) return RefusalCause::wrong_cluster;
    if (preamble.version < spoken_) return RefusalCause::wrong_version;
    if (preamble.to != self_.node) return RefusalCause::wrong_receiver;
    if (preamble.from == self_.node) return RefusalCause::duplicate_id;
    switch (stranger(configuration_, in_force_, preamble.from,
                     {preamble.formed, preamble.disk, preamble.configured})) {
        case Stranger::another_cluster:
            return RefusalCause::another_formation;
        case Stranger::another_disk:
            return RefusalCause::another_disk;
        case Stranger::no:
            break;
    }
    auto peer = peers_.find(preamble.from);
    if (peer == peers_.end()) {
        if (std::ranges::find(removed_, preamble.from) != removed_.end())
            return RefusalCause::removed;
        if (!welcome(preamble)) return RefusalCause::unknown_sender;
        guests_.insert(preamble.from);
        peer = peers_.try_emplace(preamble.from).first;
    }
    return judge_incarnation(peer->second, preamble.incarnation, now);
}

bool PeerAdmission::welcome(const Preamble& preamble) const {
    return preamble.from && preamble.configured > in_force_ && guests_.size() < kGuestsMax &&
           endpoint_fault(preamble.endpoint).empty();
}

void PeerAdmission::follow(const std::vector<NodeId>& peers, std::vector<NodeId> removed,
                           LogIndex in_force, LogIndex committed,
                           const Configuration& configuration) {
    configuration_ = configuration;
    told_ = true;
    in_force_ = in_force;
    committed_ = committed;
    removed_ = std::move(removed);
    for (const NodeId peer : peers) {
        peers_.try_emplace(peer);
        guests_.erase(peer);
    }
    const auto stays = [&](NodeId peer) {
        const bool removed = std::ranges::find(removed_, peer) != removed_.end();
        return std::ranges::find(peers, peer) != peers.end() ||
               (guests_.contains(peer) && !removed);
    };
    std::erase_if(guests_, [&](NodeId guest) { return !stays(guest); });
    std::erase_if(peers_, [&](const auto& peer) { return !stays(peer.first); });
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
    return Admitted{true};
}

}  // namespace raftbus
