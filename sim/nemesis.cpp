#include "sim/nemesis.hpp"

#include <algorithm>

#include "sim/client_frames.hpp"
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

// Asked for in the name of some node's gateway. Whoever is added starts in a moment, also if it was
// not added after all. Some changes come to a leader that has just been elected, some to one that
// is cut off in the middle of it.
void Nemesis::change_members(const Strike& strike, Random& random) {
    const auto leader = cluster_.leader();
    const auto now = cluster_.configuration();
    if (!leader || !now) return;
    const MemberChange change = think_of_change(*now, random);
    const NodeId node = change.member.node;
    if (!node) return;
    constexpr const char* verbs[] = {"add ", "remove ", "promote "};
    note(strike, verbs[static_cast<std::size_t>(change.kind)] + list_of({node.value}));
    if (change.kind == ChangeKind::add)
        after(Duration(random.below(500'000)), [this, node] { cluster_.join(node.value); });

    const Nodes nodes = shuffled(random);
    const auto from = std::find_if(nodes.begin(), nodes.end(),
                                   [&](std::uint32_t n) { return cluster_.node(n).runs(); });
    if (from == nodes.end()) return;
    const std::uint64_t number = strike.number + 1;
    const std::uint64_t drawn = random.below(8);
    if (drawn < 2 && has(plan_.faults, Fault::elect)) {
        const Address election{NodeId(*from), ActorName::election};
        cluster_.send({NodeId(*from), ActorName::bus}, election, Campaign{});
        constexpr int kTries = 5'000;
        const Term term = cluster_.node(*leader).replicator().fence();
        return change_members_under_a_new_leader(term, number, change, kTries);
    }
    cluster_.send({NodeId(*from), ActorName::gateway}, {*leader, ActorName::replicator},
                  ChangeMembers{ChangeNumber(number), change});
    if (drawn < 5 && has(plan_.faults, Fault::partition))
        cut_off(leader->value, strike.lasts, random);
}

// As soon as there is one, before it can have committed anything.
void Nemesis::change_members_under_a_new_leader(Term old, std::uint64_t number, MemberChange change,
                                                int tries) {
    const auto leader = cluster_.leader();
    if (leader && cluster_.node(*leader).replicator().fence() > old)
        return cluster_.send({*leader, ActorName::gateway}, {*leader, ActorName::replicator},
                             ChangeMembers{ChangeNumber(number), change});
    if (tries == 0) return;
    after(100us, [this, old, number, change, tries] {
        change_members_under_a_new_leader(old, number, change, tries - 1);
    });
}

// In a moment, from all others.
void Nemesis::cut_off(std::uint32_t node, Duration time, Random& random) {
    Nodes others = shuffled(random);
    std::erase(others, node);
    const Duration wait(random.below(2'000));
    after(wait, [this, node, others] { cluster_.part({node}, others); });
    after(wait + time, [this, node, others] {
        for (const std::uint32_t other : others) cluster_.heal(node, other);
    });
}

// No node: there is nothing to change.
MemberChange Nemesis::think_of_change(const Configuration& now, Random& random) const {
    std::vector<NodeId> spares, learners;
    for (std::uint32_t n = 1; n <= cluster_.size(); ++n)
        if (!cluster_.born(n) && !now.was_removed(NodeId(n)) && !now.find(NodeId(n)))
            spares.push_back(NodeId(n));
    for (const Member& member : now.members)
        if (!member.voter) learners.push_back(member.node);
    const std::uint64_t drawn = random.below(10);
    if (!learners.empty() && drawn < 2)
        return {ChangeKind::promote, {learners[random.below(learners.size())]}};
    if (!spares.empty() && drawn < 7)
        return {ChangeKind::add, simulated_member(spares.front(), random.below(4) != 0)};
    return {ChangeKind::remove, {now.members[random.below(now.members.size())].node}};
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
        if (!cluster_.node(node).alive()) cluster_.start(node);
    });
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
