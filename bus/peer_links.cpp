#include "bus/peer_links.hpp"

#include "bus/preamble.hpp"

namespace raftbus {

PeerLinks::PeerLinks(Shared& shared, LinkEvents& events) : shared_(shared) {
    const NodeConfig& config = shared.config;
    Preamble preamble{.version = kWireVersion,
                      .cluster = cluster_hash(config.cluster),
                      .from = config.id,
                      .incarnation = shared.incarnation};
    for (const Member& member : config.members) {
        if (member.node == config.id) continue;
        preamble.to = member.node;
        links_[member.node] = std::make_unique<PeerLink>(shared.zmq, member, config.link,
                                                         encode_preamble(preamble), events);
    }
}

void PeerLinks::send(NodeId peer, const EncodedMessage& message) {
    frames_.emplace_back();
    append_frames(frames_, message);
    send(peer, frames_);
}

void PeerLinks::send(NodeId peer, Frames& message) {
    const auto link = links_.find(peer);
    CHECK(link != links_.end(), "a message to a node that is no member");
    if (shared_.failed.load(std::memory_order_acquire)) return message.clear();
    const bool sent = link->second->send(message) == SendResult::sent;
    (sent ? shared_.counters.peer_sent : shared_.counters.peer_unsent).add();
}

void PeerLinks::check(Moment now, ReadyList& watched) {
    for (const auto& [peer, link] : links_) {
        if (!link->check(now)) continue;
        watched.unwatch(*link);
        link->rebuild(now);
        watched.watch(*link);
    }
}

void PeerLinks::close() {
    for (const auto& [peer, link] : links_) link->close();
}

std::vector<Source*> PeerLinks::sources() {
    std::vector<Source*> sources;
    for (const auto& [peer, link] : links_) sources.push_back(link.get());
    return sources;
}

}  // namespace raftbus
