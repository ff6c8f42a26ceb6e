#include "sim/nemesis.hpp"

#include <algorithm>

#include "sim/rot.hpp"

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;

std::string list_of(const std::vector<std::uint32_t>& nodes) {
    std::string text;
    for (const std::uint32_t node : nodes)
        text += (text.empty() ? "n" : ",n") + std::to_string(node);
    return text;
}

std::string milliseconds(Duration time) {
    return std::to_string(time / 1ms) + " ms";
}

Network::Cut some_cut(Random& random) {
    return random.below(3) == 0 ? Network::Cut::holds : Network::Cut::loses;
}

}  // namespace

Nemesis::Nemesis(Cluster& cluster, const Plan& plan) : cluster_(cluster), plan_(plan) {
    for (std::uint32_t n = 1; n <= cluster.size(); ++n) {
        disks_.push_back({Random(splitmix(plan.asked.seed) + 10'000 + n)});
        cluster.node(n).disk().set_pace([this, n](SimDisk::Work work, std::uint64_t bytes) {
            return disk_takes(n, work, bytes);
        });
        cluster.node(n).clock().set_rate(cluster.now(), plan.clock_rates[n - 1]);
    }
    for (const Strike& next : plan.strikes) after(next.at, [this, &next] { strike(next); });
}

void Nemesis::after(Duration wait, std::function<void()> action) {
    cluster_.events().add(cluster_.now() + wait, [this, action = std::move(action)] {
        if (!healed_) action();
    });
}

void Nemesis::note(const Strike& strike, const std::string& what) const {
    if (Watcher* watcher = plan_.asked.watcher)
        watcher->on_event(cluster_.now(), "strike " + std::to_string(strike.number) + ", " +
                                              std::string(to_string(strike.fault)) + ": " + what);
}

// ---- whom it hits

std::uint32_t Nemesis::victim(Random& random) const {
    const auto leader = cluster_.leader();
    const auto anybody = static_cast<std::uint32_t>(random.below(cluster_.size()) + 1);
    return leader && random.below(5) < 2 ? leader->value : anybody;
}

Nemesis::Nodes Nemesis::shuffled(Random& random) const {
    Nodes nodes;
    for (std::uint32_t n = 1; n <= cluster_.size(); ++n) nodes.push_back(n);
    for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[random.below(i)]);
    return nodes;
}

Nemesis::Nodes Nemesis::victims(Random& random) const {
    Nodes nodes = shuffled(random);
    switch (random.below(6)) {
        case 0:
            return nodes;
        case 1:
            nodes.resize(nodes.size() / 2 + 1);
            return nodes;
        case 2:
            nodes.resize(std::max<std::size_t>(1, nodes.size() / 2));
            return nodes;
        default:
            return {victim(random)};
    }
}

// ---- strikes

void Nemesis::strike(const Strike& strike) {
    Random random(strike.seed);
    switch (strike.fault) {
        case Fault::cut:
        case Fault::partition:
        case Fault::clog:
        case Fault::disconnect:
            return strike_links(strike, random);
        case Fault::crash:
        case Fault::power:
        case Fault::pause:
        case Fault::elect:
        case Fault::stop:
            return strike_processes(strike, random);
        case Fault::slow_disk:
        case Fault::hang:
        case Fault::sync_error:
        case Fault::full_disk:
        case Fault::rot:
            return strike_disk(strike, victim(random), random);
        case Fault::clock:
        case Fault::jump:
            return strike_clock(strike, victim(random), random);
        case Fault::membership:
            return change_members(strike, random);
        case Fault::repair:
            return repair(strike, random);
        case Fault::chase:
            note(strike, "for " + milliseconds(strike.lasts));
            return chase(strike.seed, cluster_.now() + strike.lasts, {});
        case Fault::delay:
        case Fault::loss:
        case Fault::duplicate:
        case Fault::reorder:
            return;  // weather
    }
}

void Nemesis::strike_links(const Strike& strike, Random& random) {
    const Nodes nodes = shuffled(random);
    const std::uint32_t a = victim(random);
    std::uint32_t b = nodes.front() == a && nodes.size() > 1 ? nodes.back() : nodes.front();
    if (a == b) return;
    const std::string pair = list_of({a, b}) + " for " + milliseconds(strike.lasts);
    if (strike.fault == Fault::disconnect) {
        note(strike, pair);
        cluster_.network().disconnect(NodeId(a), NodeId(b));
        if (random.below(2) == 0) cluster_.network().disconnect(NodeId(b), NodeId(a));
    } else if (strike.fault == Fault::clog) {
        note(strike, pair);
        for (const std::uint32_t to : nodes)
            if (to == b || random.below(3) == 0)
                cluster_.network().clog(NodeId(a), NodeId(to), cluster_.now() + strike.lasts);
    } else if (strike.fault == Fault::cut) {
        const bool one_way = random.below(2) == 0;
        note(strike, pair + (one_way ? ", one way" : ""));
        if (one_way)
            cluster_.cut_one_way(a, b, some_cut(random));
        else
            cluster_.cut(a, b, some_cut(random));
        after(strike.lasts, [this, a, b] { cluster_.heal(a, b); });
    } else {
        // `a` is among the first group, so often the leader is alone.
        const std::size_t others = random.below(nodes.size() - 1);
        Nodes some{a}, rest;
        for (const std::uint32_t n : nodes)
            if (n != a) (some.size() <= others ? some : rest).push_back(n);
        note(strike, list_of(some) + " | " + list_of(rest) + " for " + milliseconds(strike.lasts));
        cluster_.part(some, rest, some_cut(random));
        after(strike.lasts, [this, some, rest] {
            for (const std::uint32_t x : some)
                for (const std::uint32_t y : rest) cluster_.heal(x, y);
        });
    }
}

void Nemesis::strike_processes(const Strike& strike, Random& random) {
    if (strike.fault == Fault::crash || strike.fault == Fault::power) {
        const Nodes nodes = victims(random);
        note(strike, list_of(nodes));
        for (const std::uint32_t node : nodes) down(node, strike, random);
        return;
    }
    const std::uint32_t node = victim(random);
    SimNode& hit = cluster_.node(node);
    if (!hit.runs()) return;
    note(strike, list_of({node}));
    if (strike.fault == Fault::pause) {
        hit.pause();
        after(strike.lasts, [this, node] { cluster_.resume(node); });
    } else if (strike.fault == Fault::elect) {
        elect(strike, node, random);
    } else {
        cluster_.stop(node);
        restart_later(node, strike.lasts + 1s);
    }
}

// Sometimes the old leader is the last to hear of it.
void Nemesis::elect(const Strike& strike, std::uint32_t node, Random& random) {
    cluster_.send({NodeId(node), ActorName::bus}, {NodeId(node), ActorName::election}, Campaign{});
    const auto leader = cluster_.leader();
    if (!leader || *leader == NodeId(node) || random.below(2) == 0) return;
    after(Duration(random.below(5'000)), [this, old = *leader, lasts = strike.lasts] {
        const Moment until = cluster_.now() + lasts;
        for (std::uint32_t n = 1; n <= cluster_.size(); ++n)
            if (NodeId(n) != old) cluster_.network().clog(NodeId(n), old, until);
    });
}

// At once, or in a moment, when its storage may be in the middle of a sync.
void Nemesis::down(std::uint32_t node, const Strike& strike, Random& random) {
    const Duration wait(random.below(2) == 0 ? 0 : random.below(20'000));
    const bool power = strike.fault == Fault::power;
    const auto what = static_cast<Crash>(random.below(4));
    after(wait, [this, node, power, what] {
        if (!cluster_.node(node).alive()) return;
        if (power)
            cluster_.crash(node, what);
        else
            cluster_.kill(node);
    });
    restart_later(node, wait + Duration(random.below(strike.lasts.count()) + 1'000));
}

void Nemesis::restart_later(std::uint32_t node, Duration wait) {
    after(wait, [this, node] {
        if (repairing_ == NodeId(node)) return;
        if (!cluster_.node(node).alive()) cluster_.start(node);
    });
}

// Whoever leads is cut off at once, with one follower or without, and comes back as soon as the
// next one is: so logs part again and again, and older terms' entries come back (Raft Figure 8).
void Nemesis::chase(std::uint64_t seed, Moment until, std::vector<std::uint32_t> cut_off) {
    Random random(seed);
    if (!cut_off.empty())
        for (const std::uint32_t other : shuffled(random))
            if (other != cut_off.front()) cluster_.heal(cut_off.front(), other);
    if (cluster_.now() >= until) return;
    cut_off.clear();
    if (const auto leader = cluster_.leader()) {
        Nodes others = shuffled(random);
        std::erase(others, leader->value);
        if (!others.empty() && random.below(2) == 0) others.pop_back();
        cluster_.part({leader->value}, others);
        cut_off = {leader->value};
        if (has(plan_.faults, Fault::crash) && random.below(3) == 0) {
            cluster_.kill(leader->value);
            restart_later(leader->value, plan_.node.raft.election_timeout_max);
        }
    }
    const Duration longest = plan_.node.raft.election_timeout_max * 2;
    const Duration wait(1 + random.below(static_cast<std::uint64_t>(longest.count())));
    after(wait, [this, next = random.next(), until, cut_off] { chase(next, until, cut_off); });
}

// The disk of a node that is cut off, often the leader, has no room for what its log has to take
// back once it hears of others again.
void Nemesis::part_and_fill(const Strike& strike, std::uint32_t node, Random& random) {
    Nodes others = shuffled(random);
    std::erase(others, node);
    cluster_.part({node}, others);
    SimDisk& disk = cluster_.node(node).disk();
    const Duration alone = plan_.node.raft.election_timeout_max + Duration(random.below(1'000'000));
    after(Duration(random.below(300'000)), [&disk] { disk.fill_up(); });
    after(alone, [this, node, others] {
        for (const std::uint32_t other : others) cluster_.heal(node, other);
    });
    after(alone + strike.lasts, [&disk] { disk.set_room(UINT64_MAX); });
    restart_later(node, alone + strike.lasts + 10ms);
}

void Nemesis::strike_disk(const Strike& strike, std::uint32_t node, Random& random) {
    SimDisk& disk = cluster_.node(node).disk();
    DiskState& state = disks_[node - 1];
    if (strike.fault == Fault::slow_disk) {
        state.slower = 2 + random.below(100);
        note(strike, list_of({node}) + " is " + std::to_string(state.slower) + " times slower");
        after(strike.lasts, [&state] { state.slower = 1; });
    } else if (strike.fault == Fault::hang) {
        note(strike, list_of({node}) + " for " + milliseconds(strike.lasts));
        state.hang = strike.lasts;
    } else if (strike.fault == Fault::sync_error) {
        note(strike, list_of({node}));
        disk.fail_sync_after(random.below(3));
        restart_later(node, strike.lasts);
        restart_later(node, strike.lasts * 2);
    } else if (strike.fault == Fault::full_disk) {
        note(strike, list_of({node}) + " for " + milliseconds(strike.lasts));
        if (has(plan_.faults, Fault::partition) && random.below(3) == 0)
            return part_and_fill(strike, node, random);
        if (random.below(2) == 0)
            disk.fill_up();
        else
            disk.set_room(random.below(plan_.node.segment_bytes));
        after(strike.lasts, [&disk] { disk.set_room(UINT64_MAX); });
        restart_later(node, strike.lasts + 10ms);
    } else if (rotten_.contains(NodeId(node)) || rotten_.size() < (cluster_.size() - 1) / 2) {
        if (!rot_a_bit(disk, node, random)) return;
        note(strike, list_of({node}));
        rotten_.insert(NodeId(node));
    }
}

void Nemesis::strike_clock(const Strike& strike, std::uint32_t node, Random& random) {
    NodeClock& clock = cluster_.node(node).clock();
    if (strike.fault == Fault::jump) {
        const Duration by(static_cast<std::int64_t>(random.below(7'200'000'000)) - 3'600'000'000);
        note(strike, list_of({node}) + " by " + milliseconds(by));
        clock.jump(by);
    } else {
        const std::int64_t rate = plan_.clock_rates[random.below(plan_.clock_rates.size())];
        note(strike, list_of({node}) + " runs at " + std::to_string(rate) + " ppm");
        clock.set_rate(cluster_.now(), rate);
    }
}

// ---- disks

Duration Nemesis::disk_takes(std::uint32_t node, SimDisk::Work work, std::uint64_t) {
    DiskState& state = disks_[node - 1];
    switch (work) {
        case SimDisk::Work::read:
            return Duration(0);
        case SimDisk::Work::write:
            return Duration(state.random.below(plan_.disk.write_max.count() + 1)) * state.slower;
        case SimDisk::Work::sync:
            if (state.hang > 0ms) return std::exchange(state.hang, Duration(0));
            [[fallthrough]];
        default: {
            const Duration spread = plan_.disk.sync_max - plan_.disk.sync_min;
            return (plan_.disk.sync_min + Duration(state.random.below(spread.count() + 1))) *
                   state.slower;
        }
    }
}

// ---- the end of it

void Nemesis::heal() {
    healed_ = true;
    Weather calm = plan_.weather;
    calm.lost = calm.doubled = calm.overtaken = calm.slow = 0;
    cluster_.network().set_weather(calm);
    cluster_.heal();
    for (std::uint32_t n = 1; n <= cluster_.size(); ++n) {
        SimNode& node = cluster_.node(n);
        disks_[n - 1].slower = 1;
        disks_[n - 1].hang = {};
        node.disk().set_room(UINT64_MAX);
        node.disk().fail_sync_after(UINT64_MAX);
        node.clock().set_rate(cluster_.now(), NodeClock::kTrueRate);
        node.resume();
    }
    revive();
}

// A process may still end of what befell it before, or is stopping.
void Nemesis::revive() {
    for (std::uint32_t n = 1; n <= cluster_.size(); ++n)
        if (!cluster_.node(n).alive() && !rotten_.contains(NodeId(n))) cluster_.start(n);
    // Members that were added and have not started yet.
    if (const auto now = cluster_.configuration())
        for (const Member& member : now->members) cluster_.join(member.node.value);
    cluster_.events().add(cluster_.now() + 500ms, [this] { revive(); });
}

}  // namespace raftbus::sim
