#include "sim/network.hpp"

namespace raftbus::sim {

Network::Network(Schedule& schedule, NetworkEvents& events, std::size_t nodes, std::uint64_t seed)
    : schedule_(schedule),
      events_(events),
      random_(seed),
      up_(nodes),
      lives_(nodes),
      links_(nodes * nodes) {}

// ---- messages

Network::Fate Network::send(NodeId from, NodeId to, Moment sent) {
    Link& link = this->link(from, to);
    if (!link.connected || link.cut == Cut::loses || chance(weather_.lost))
        return {Fate::What::lost, sent};
    if (link.cut == Cut::holds) {
        link.held.push_back(++last_parcel_);
        return {Fate::What::held, sent, {}, last_parcel_};
    }
    Fate fate{Fate::What::arrives, arrival(link, sent)};
    if (chance(weather_.overtaken)) {
        fate.what = Fate::What::overtaken;
        fate.due += within(weather_.slow_max);
    }
    if (chance(weather_.doubled)) fate.copy_due = fate.due + within(weather_.slow_max);
    return fate;
}

Moment Network::arrival(const Link& link, Moment sent) {
    const Duration delay =
        chance(weather_.slow)
            ? within(weather_.slow_max)
            : weather_.delay_min + within(weather_.delay_max - weather_.delay_min);
    return std::max(sent, link.clogged_until) + delay;
}

// ---- connections

void Network::on_node_up(NodeId node) {
    up_[node.value - 1] = true;
    ++lives_[node.value - 1];
    for (std::uint32_t n = 1; n <= up_.size(); ++n) {
        maybe_connect(node, NodeId(n));
        maybe_connect(NodeId(n), node);
    }
}

void Network::on_node_down(NodeId node) {
    up_[node.value - 1] = false;
    for (std::uint32_t n = 1; n <= up_.size(); ++n) {
        const NodeId other(n);
        if (other == node) continue;
        link(node, other).connected = false;
        // Without a way for the end of the connection to be told, silence has to tell.
        const bool reachable = !cut(node, other) && !cut(other, node);
        if (reachable && link(other, node).connected)
            schedule_.add(schedule_.now() + within(weather_.notice_max), *this,
                          static_cast<std::uint32_t>(What::notice), number(other, node));
    }
}

void Network::maybe_connect(NodeId from, NodeId to) {
    if (from == to || !up_[from.value - 1]) return;
    Link& link = this->link(from, to);
    if (link.connected || std::exchange(link.trying, true)) return;
    schedule_.add(schedule_.now() + within(weather_.connect_max), *this,
                  static_cast<std::uint32_t>(What::try_to_connect), number(from, to));
}

void Network::try_to_connect(NodeId from, NodeId to) {
    Link& link = this->link(from, to);
    link.trying = false;
    const bool reachable = !cut(from, to) && !cut(to, from);
    if (link.connected || !up_[from.value - 1] || !up_[to.value - 1] || !reachable) return;
    link.connected = true;
    link.life = lives_[to.value - 1];
    events_.on_peer_up(from, to);
}

// The other end is not the process that the connection was made with.
bool Network::stale(NodeId from, NodeId to) const {
    const Link& link = this->link(from, to);
    return link.connected && (!up_[to.value - 1] || link.life != lives_[to.value - 1]);
}

void Network::break_connection(NodeId from, NodeId to) {
    Link& link = this->link(from, to);
    if (!std::exchange(link.connected, false)) return;
    link.held.clear();
    events_.on_link_broken(from, to);
    if (up_[from.value - 1]) events_.on_peer_lost(from, to);
    maybe_connect(from, to);
}

void Network::happen(std::uint32_t what, std::uint64_t which) {
    const std::uint64_t number = which & 0xffff'ffff;
    const NodeId from(static_cast<std::uint32_t>(number / up_.size() + 1));
    const NodeId to(static_cast<std::uint32_t>(number % up_.size() + 1));
    switch (static_cast<What>(what)) {
        case What::try_to_connect:
            return try_to_connect(from, to);
        case What::notice:
            // Of the process that died; the one that followed it has connections of its own.
            return break_connection(from, to);
        case What::silence:
            if (cut(from, to) && link(from, to).cuts == which >> 32) {
                break_connection(from, to);
                break_connection(to, from);
            }
            return;
    }
}

// ---- faults

void Network::cut(NodeId from, NodeId to, Cut how) {
    Link& link = this->link(from, to);
    link.cut = how;
    ++link.cuts;
    if (weather_.silence_max > Duration::zero())
        schedule_.add(schedule_.now() + weather_.silence_max / 2 + within(weather_.silence_max / 2),
                      *this, static_cast<std::uint32_t>(What::silence),
                      std::uint64_t(link.cuts) << 32 | number(from, to));
}

void Network::mend(NodeId from, NodeId to) {
    Link& link = this->link(from, to);
    link.clogged_until = Moment();
    if (link.cut == Cut::none) return;
    link.cut = Cut::none;
    std::vector<std::uint64_t> held;
    held.swap(link.held);
    Moment due = schedule_.now();
    for (const std::uint64_t parcel : held) {
        due = std::max(due, arrival(link, schedule_.now()));
        events_.on_released(from, to, parcel, due);
    }
    // A process that died behind the cut is noticed now.
    if (stale(from, to)) break_connection(from, to);
    if (stale(to, from)) break_connection(to, from);
    maybe_connect(from, to);
    maybe_connect(to, from);
}

void Network::clog(NodeId from, NodeId to, Moment until) {
    Link& link = this->link(from, to);
    link.clogged_until = std::max(link.clogged_until, until);
}

void Network::disconnect(NodeId from, NodeId to) {
    break_connection(from, to);
}

}  // namespace raftbus::sim
