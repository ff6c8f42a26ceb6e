// leading, formation: what the leader does so that the cluster gets its id, its version, and each
// member the data directory that it counts with (actors/formation.hpp).
#include "actors/leading.hpp"
#include "messages/text.hpp"

namespace raftbus {

// A peer that answers from another data directory has not what the one before acknowledged.
void Leading::answered_with(NodeId node, PeerProgress& peer, std::uint64_t disk) {
    if (peer.disk == disk) return;
    if (peer.disk) {
        const bool connected = peer.connected;
        peer = PeerProgress(log_.last().index.next(), context_.now());
        peer.connected = connected;
        snapshots_.forget(node);
    }
    peer.disk = disk;
}

bool Leading::answers(const PeerProgress& peer) const {
    return peer.connected && peer.disk &&
           context_.now() - peer.heard() <= options_.election_timeout_min;
}

// One that has not answered yet has nothing that could count.
bool Leading::counts(NodeId node, const PeerProgress& peer) const {
    const Configuration& configuration = log_.configurations().in_force().configuration;
    return !peer.disk || configuration.counts(node, *peer.disk);
}

Formation Leading::formation() const {
    Formation formation{self_, options_.disk, {}, context_.random(UINT64_MAX) + 1};
    for (const auto& [node, peer] : peers_)
        if (answers(peer)) formation.disks[node] = *peer.disk;
    return formation;
}

// A leader of a cluster that has no id: the id is drawn once a majority answers. Until it is
// committed, what is written down may be replaced by another leader's, so this one takes no
// proposals. While peers are of an older release, it waits for version 2 instead.
void Leading::maybe_form() {
    if (!forming_) return;
    const Configuration now = log_.configurations().in_force().configuration;
    const Formation formation = this->formation();
    if (now.formed || formation.of_older_release() || log_.out_of_space() || now.joint()) {
        forming_ = false;
    } else if (now.cluster) {
        if (const Configuration more = formation.bound(now); more != now) append(more);
    } else if (const auto first = formation.first(now)) {
        context_.log(LogLevel::info, "a cluster is formed: its id is " + id_text(first->cluster));
        append(*first);
    }
}

// The newest version that all members know, once it is known of all of them.
std::uint32_t Leading::version_of_all() const {
    const Configuration& now = log_.configurations().in_force().configuration;
    std::uint32_t version = options_.versions.newest;
    for (const Member& member : now.members) {
        if (member.node == self_ || version <= now.version) continue;
        const auto known = speaks_.find(member.node);
        version = known == speaks_.end() ? now.version : std::min(version, known->second.newest);
    }
    return std::max(version, now.version);
}

// The version never falls: entries of the newer one may have followed already.
void Leading::maybe_shape() {
    const Configuration& now = log_.configurations().in_force().configuration;
    const std::uint32_t version = version_of_all();
    const bool binds = now.cluster && std::ranges::any_of(now.members, [&](const Member& member) {
                           const auto peer = peers_.find(member.node);
                           return !member.disk && peer != peers_.end() && answers(peer->second) &&
                                  *peer->second.disk;
                       });
    const bool forms = options_.disk && (now.cluster ? !now.formed : version >= 2);
    if (version == now.version && !binds && !forms) return;
    if (transfer_ || log_.out_of_space() || now.joint() || !changes_.settled(no_op_)) return;
    const Configuration next = formation().next(now, version);
    if (version > now.version)
        context_.log(LogLevel::info, "all members know version " + std::to_string(version) +
                                         ": from now on the cluster speaks it");
    if (next.cluster != now.cluster)
        context_.log(LogLevel::info, "the cluster gets an id: " + id_text(next.cluster));
    append(next);
}

}  // namespace raftbus
