#include "bus/peer_links.hpp"

#include <algorithm>

#include "bus/preamble.hpp"
#include "bus/worker.hpp"

namespace raftbus {

PeerLinks::PeerLinks(Shared& shared, LinkEvents& events) : shared_(shared), events_(events) {
    for (const Member& member : shared.config.members)
        if (member.node == shared.config.id) endpoint_ = member.peer;
    for (const Member& member : shared.config.members)
        if (member.node != shared.config.id) make(member);
}

std::string PeerLinks::preamble_for(NodeId peer) const {
    return encode_preamble({.version = shared_.config.versions.newest,
                            .cluster = cluster_hash(shared_.config.cluster),
                            .from = shared_.config.id,
                            .incarnation = shared_.incarnation,
                            .to = peer,
                            .endpoint = endpoint_,
                            .configured = configured_,
                            .oldest = shared_.config.versions.oldest,
                            .formed = formed_,
                            .disk = shared_.config.disk});
}

PeerLink& PeerLinks::make(const Member& member) {
    auto& link = links_[member.node];
    link = std::make_unique<PeerLink>(shared_.zmq, member, shared_.config.link,
                                      preamble_for(member.node), events_, ++links_made_);
    return *link;
}

void PeerLinks::follow(const std::vector<Member>& members, LogIndex configured,
                       std::uint64_t formed, ReadyList& watched) {
    configured_ = configured;
    formed_ = formed;
    for (auto link = links_.begin(); link != links_.end();) {
        const bool stays = std::ranges::find(members, link->first, &Member::node) != members.end();
        if (stays) {
            link->second->set_preamble(preamble_for(link->first));
            ++link;
        } else {
            watched.remove(*link->second);
            link->second->end();
            link = links_.erase(link);
        }
    }
    for (const Member& member : members) {
        if (member.node == shared_.config.id || links_.contains(member.node)) continue;
        // Leaders check endpoints; what libzmq can not parse would end this process.
        if (endpoint_fault(member.peer).empty())
            watched.add(make(member), static_cast<int>(Rank::control));
    }
}

void PeerLinks::send(NodeId peer, const EncodedMessage& message) {
    frames_.emplace_back();
    append_frames(frames_, message);
    send(peer, frames_);
}

void PeerLinks::send(NodeId peer, Frames& message) {
    const auto link = links_.find(peer);
    if (shared_.failed.load(std::memory_order_acquire)) return message.clear();
    if (link == links_.end()) {  // it was a member when the message was sent
        shared_.counters.peer_unsent.add();
        return message.clear();
    }
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
