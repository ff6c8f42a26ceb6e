#include "bus/peer_links.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bus/clock.hpp"
#include "bus/preamble.hpp"
#include "bus/worker.hpp"

namespace raftbus {
namespace {

constexpr Duration kAskAgain = std::chrono::seconds(1);  // for a name, without a connection

constexpr Duration kTryEach = std::chrono::seconds(2);  // of a name's addresses

std::string address_of(const Endpoint& endpoint, const std::string& host) {
    return Endpoint{host, endpoint.port, endpoint.kind}.text();
}

}  // namespace

PeerLinks::PeerLinks(Shared& shared, Complaints& complaints, Resolver& resolver, LinkEvents& events)
    : shared_(shared), complaints_(complaints), resolver_(resolver), events_(events) {
    const Moment now = steady_now();
    for (const Member& member : shared.config.members)
        if (member.node == shared.config.id) endpoint_ = member.peer;
    for (const Member& member : shared.config.members)
        if (member.node != shared.config.id) want(member, now);
    for (auto& [peer, wanted] : wanted_) make(wanted, now);
}

std::string PeerLinks::preamble_for(NodeId peer) const {
    return encode_preamble({.version = shared_.config.versions.newest,
                            .cluster = cluster_hash(shared_.config.cluster),
                            .from = shared_.config.id,
                            .incarnation = shared_.incarnation,
                            .to = peer,
                            .endpoint = endpoint_,
                            .configured = configured_,
                            .oldest = shared_.config.versions.oldest});
}

// ---- who is to be connected

void PeerLinks::want(const Member& member, Moment now) {
    // Leaders check endpoints. Those of an older release let some pass that no node can use.
    const auto endpoint = parse_reachable(member.peer);
    if (!endpoint) return complain(member, endpoint.error().message, now);
    Wanted& wanted = wanted_[member.node];
    wanted.member = member;
    wanted.endpoint = *endpoint;
    if (endpoint->kind == HostKind::name)
        ask(wanted, now);
    else
        wanted.addresses = {endpoint->host};
}

void PeerLinks::follow(const std::vector<Member>& members, LogIndex configured, Moment now,
                       ReadyList& watched) {
    configured_ = configured;
    const auto stays = [&](const Member& known) {
        const auto member = std::ranges::find(members, known.node, &Member::node);
        return member != members.end() && member->peer == known.peer;
    };
    for (auto it = wanted_.begin(); it != wanted_.end();) {
        Wanted& wanted = it->second;
        if (stays(wanted.member)) {
            if (wanted.link) wanted.link->set_preamble(preamble_for(it->first));
            ++it;
            continue;
        }
        if (wanted.link) {
            watched.remove(*wanted.link);
            wanted.link->end();
        }
        it = wanted_.erase(it);
    }
    for (const Member& member : members)
        if (member.node != shared_.config.id && !wanted_.contains(member.node)) want(member, now);
    for (auto& [peer, wanted] : wanted_)
        if (make(wanted, now)) watched.add(*wanted.link, static_cast<int>(Rank::control));
}

// ---- names

void PeerLinks::ask(Wanted& wanted, Moment now) {
    if (wanted.endpoint.kind != HostKind::name) return;
    if (wanted.asked && now - *wanted.asked < kAskAgain) return;
    wanted.asked = now;
    resolver_.ask(wanted.endpoint.host);
}

void PeerLinks::learn(Wanted& wanted, std::vector<std::string> addresses) {
    const std::string current = wanted.addresses.empty() ? "" : wanted.addresses[wanted.tried];
    const auto same = std::ranges::find(addresses, current);
    wanted.tried = same == addresses.end() ? 0 : static_cast<std::size_t>(same - addresses.begin());
    wanted.addresses = std::move(addresses);
}

void PeerLinks::take_names(Moment now) {
    for (const auto& [host, resolved] : resolver_.take())
        for (auto& [peer, wanted] : wanted_) {
            if (wanted.endpoint.host != host) continue;
            if (resolved.addresses.empty())  // the last that is known is kept
                complain(wanted.member, fmt::format("its name is not known: {}", resolved.fault),
                         now);
            else
                learn(wanted, resolved.addresses);
        }
}

// ---- links

bool PeerLinks::make(Wanted& wanted, Moment now) {
    if (wanted.link || wanted.addresses.empty()) return false;
    const Member& member = wanted.member;
    wanted.tried_since = now;
    try {
        wanted.link = std::make_unique<PeerLink>(
            shared_.zmq, member, address_of(wanted.endpoint, wanted.addresses[wanted.tried]),
            shared_.config.link, preamble_for(member.node), events_, ++links_made_);
    } catch (const zmq::error_t& error) {
        complain(member, error.what(), now);
    }
    return wanted.link != nullptr;
}

void PeerLinks::rebuild(Wanted& wanted, Moment now, ReadyList& watched) {
    watched.unwatch(*wanted.link);
    wanted.tried_since = now;
    wanted.link->set_address(address_of(wanted.endpoint, wanted.addresses[wanted.tried]));
    try {
        wanted.link->rebuild(now);
        watched.watch(*wanted.link);
    } catch (const zmq::error_t& error) {
        complain(wanted.member, error.what(), now);
        watched.forget(*wanted.link);
        wanted.link.reset();
    }
}

void PeerLinks::check(Moment now, ReadyList& watched) {
    take_names(now);
    for (auto& [peer, wanted] : wanted_) {
        if (!wanted.link) {
            ask(wanted, now);
            if (make(wanted, now)) watched.add(*wanted.link, static_cast<int>(Rank::control));
            continue;
        }
        const bool dead = wanted.link->check(now);
        if (!dead && wanted.link->up()) continue;
        ask(wanted, now);
        if (dead || now - wanted.tried_since >= kTryEach)
            wanted.tried = (wanted.tried + 1) % wanted.addresses.size();
        const bool moved =
            wanted.link->address() != address_of(wanted.endpoint, wanted.addresses[wanted.tried]);
        if (dead || moved) rebuild(wanted, now, watched);
    }
}

void PeerLinks::complain(const Member& member, std::string_view why, Moment now) {
    complaints_.say(LogLevel::error, fmt::format("no link to {}", member.node.value),
                    fmt::format("no connection to peer {} at {}: {}; this node goes on without it",
                                member.node.value, member.peer, why),
                    now);
}

void PeerLinks::send(NodeId peer, const EncodedMessage& message) {
    frames_.emplace_back();
    append_frames(frames_, message);
    send(peer, frames_);
}

void PeerLinks::send(NodeId peer, Frames& message) {
    const auto found = wanted_.find(peer);
    if (shared_.failed.load(std::memory_order_acquire)) return message.clear();
    // It was a member when the message was sent, or has no link for now.
    if (found == wanted_.end() || !found->second.link) {
        shared_.counters.peer_unsent.add();
        return message.clear();
    }
    const bool sent = found->second.link->send(message) == SendResult::sent;
    (sent ? shared_.counters.peer_sent : shared_.counters.peer_unsent).add();
}

std::vector<UnreachablePeer> PeerLinks::unreachable() const {
    std::vector<UnreachablePeer> peers;
    for (const auto& [peer, wanted] : wanted_) {
        if (!wanted.link)
            peers.push_back({peer, wanted.addresses.empty() ? "its host name cannot be resolved"
                                                            : "this node has no socket for it"});
        else if (!wanted.link->trouble().empty())
            peers.push_back({peer, std::string(wanted.link->trouble())});
    }
    return peers;
}

void PeerLinks::close() {
    for (const auto& [peer, wanted] : wanted_)
        if (wanted.link) wanted.link->close();
}

std::vector<Source*> PeerLinks::sources() {
    std::vector<Source*> sources;
    for (const auto& [peer, wanted] : wanted_)
        if (wanted.link) sources.push_back(wanted.link.get());
    return sources;
}

}  // namespace raftbus
