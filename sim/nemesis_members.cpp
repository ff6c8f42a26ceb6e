// nemesis_members: the strikes at who belongs to the cluster, and at who still has its data.
#include <algorithm>

#include "sim/client_frames.hpp"
#include "sim/nemesis.hpp"

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLookEvery = 50ms;
constexpr int kLooksMax = 200;  // then an operator gives up

std::string named(std::uint32_t node) {
    return "n" + std::to_string(node);
}

}  // namespace

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
    constexpr const char* verbs[] = {"add ", "remove ", "promote ", "demote "};
    note(strike, verbs[static_cast<std::size_t>(change.kind)] + named(node.value));
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
    if (drawn == 9) {
        const std::vector<NodeId> voters = now.voters();
        const bool again = random.below(2) == 0;
        return {ChangeKind::demote, {voters[random.below(voters.size())], again}};
    }
    return {ChangeKind::remove, {now.members[random.below(now.members.size())].node}};
}

// As docs/operations.md has it done: a node that is down is demoted; once that and an entry after it
// are committed without it, its data goes; and it starts with nothing, in a later term than any in
// which it may have promised something.
void Nemesis::repair(const Strike& strike, Random& random) {
    const auto now = cluster_.configuration();
    if (repairing_ || !now || now->joint()) return;
    const Member& member = now->members[random.below(now->members.size())];
    const std::uint32_t node = member.node.value;
    const bool too_few = member.voter && now->voters().size() < 3;
    if (too_few || !cluster_.born(node)) return;
    note(strike, named(node));
    repairing_ = member.node;
    if (cluster_.node(node).alive()) {
        if (random.below(2) == 0)
            cluster_.crash(node, static_cast<Crash>(random.below(4)));
        else
            cluster_.kill(node);
    }
    demotion_ = {ChangeKind::demote, {member.node, member.voter || member.promote}};
    change_ = ChangeNumber(strike.number + 1);
    demoted_at_.reset();
    go_on_repairing(kLooksMax);
}

void Nemesis::go_on_repairing(int looks) {
    after(kLookEvery, [this, looks] {
        const std::uint32_t node = repairing_.value;
        if (looks == 0) {
            repairing_ = NodeId();
            return restart_later(node, 0ms);  // with what it has
        }
        if (!others_do_without(demotion_.member.node, looks)) return go_on_repairing(looks - 1);
        const Committed& proof = cluster_.rules().committed().back();
        SimNode& lost = cluster_.node(node);
        repairing_ = NodeId();
        if (lost.state() != SimNode::State::down) return restart_later(node, 0ms);
        lost.disk().set_room(UINT64_MAX);
        cluster_.empty(node, proof.in.next(), proof.batch.header.last());
        cluster_.start(node);
    });
}

// And an entry proves it that was committed after the node's demotion was. Whoever leads is asked
// again now and then.
bool Nemesis::others_do_without(NodeId node, int looks) {
    const auto leader = cluster_.leader();
    if (!leader) return false;
    const Replicator& replicator = cluster_.node(*leader).replicator();
    const ReplicaLog& log = replicator.log();
    const Configuration& in_force = log.configurations().in_force().configuration;
    const Configuration& committed = log.committed_configuration().configuration;
    const bool member = in_force.find(node) && committed.find(node);
    const bool demoted = member && !in_force.voter(node) && !committed.voter(node);
    if (!demoted) {
        demoted_at_.reset();
        constexpr int kAskEvery = 5;
        if (looks % kAskEvery == 0)
            cluster_.send({*leader, ActorName::gateway}, {*leader, ActorName::replicator},
                          ChangeMembers{change_, demotion_});
        return false;
    }
    if (!demoted_at_) demoted_at_ = cluster_.rules().commit();
    return cluster_.rules().commit() > *demoted_at_;
}

}  // namespace raftbus::sim
