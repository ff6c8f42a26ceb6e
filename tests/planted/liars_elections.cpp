// liars_elections: lies about terms, votes and the fence.
#include <map>
#include <set>

#include "tests/planted/bug.hpp"
#include "tests/planted/liar.hpp"

namespace raftbus::planted {
namespace {

using sim::SimNode;

// The vote is not among what storage gets to save.
class VoteForgotten : public Liar {
    bool on_receive(SimNode&, Envelope&, AnyMessage& message) override {
        if (auto* save = std::get_if<SaveHardState>(&message)) save->vote = NodeId();
        return true;
    }
};

// Election hears that term and vote are saved when they have only been sent to storage.
class VoteAnsweredEarly : public Liar {
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* save = std::get_if<SaveHardState>(&message))
            forge(node, ActorName::storage, ActorName::election, HardStateSaved{save->request});
        return true;
    }
    bool on_receive(SimNode&, Envelope& envelope, AnyMessage& message) override {
        return !std::get_if<HardStateSaved>(&message) || forged(envelope);
    }
};

// Election judges by the end of the log as it was when the term before was entered.
class StaleTail : public Liar {
    struct Known {
        Term term;
        EntryId at_its_begin, before_that;
    };
    bool on_receive(SimNode& node, Envelope&, AnyMessage& message) override {
        auto* fenced = std::get_if<Fenced>(&message);
        auto* standing = fenced ? std::get_if<Standing>(&fenced->outcome) : nullptr;
        if (!standing) return true;
        const auto found = known_.try_emplace({node.id(), node.life()},
                                              Known{fenced->term, standing->last, standing->last});
        Known& known = found.first->second;
        if (fenced->term > known.term) known = {fenced->term, standing->last, known.at_its_begin};
        standing->last = known.before_that;
        return true;
    }
    std::map<std::pair<NodeId, std::uint64_t>, Known> known_;  // by node and life
};

// The fence alone opens a term: the replicator does not wait until election has saved it.
class FenceOpens : public Liar {
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        auto* fenced = std::get_if<Fenced>(&message);
        if (fenced && std::get_if<Standing>(&fenced->outcome) &&
            fenced->term > node.replicator().open())
            forge(node, ActorName::election, ActorName::replicator, TermSaved{fenced->term});
        return true;
    }
};

// Once a leader was heard it counts as heard for ever.
class LeaderAlwaysHeard : public Liar {
    bool on_receive(SimNode& node, Envelope&, AnyMessage& message) override {
        auto* fenced = std::get_if<Fenced>(&message);
        auto* standing = fenced ? std::get_if<Standing>(&fenced->outcome) : nullptr;
        if (!standing) return true;
        const std::pair life{node.id(), node.life()};
        if (standing->since_leader) heard_.insert(life);
        if (heard_.contains(life)) standing->since_leader = Duration(0);
        return true;
    }
    std::set<std::pair<NodeId, std::uint64_t>> heard_;
};

// Whoever is asked for a pre-vote enters that term.
class PreVoteBumpsTerm : public Liar {
    bool on_receive(SimNode& node, Envelope&, AnyMessage& message) override {
        if (auto* ask = std::get_if<PreVote>(&message))
            forge(node, ActorName::replicator, ActorName::election, TermSeen{ask->term});
        return true;
    }
};

// Node 5 asks who would vote for it while everybody else hears the leader.
void leader_missed_by_one(Script& script) {
    script.time_out(1);
    script.settle();
    for (std::uint32_t n = 1; n <= 4; ++n)
        script.cluster().send(election(5), election(n), PreVote{Term(2), {LogIndex(1), Term(1)}});
    script.settle();
    for (std::uint32_t n = 1; n <= 5; ++n)
        if (std::as_const(script.cluster()).node(n).election().term() != Term(1))
            throw sim::RuleBroken("a pre-vote that was refused changed a term");
}

// Election goes by the picture of the log from before the fence, and does not wait for it to stand.
class FenceNotAwaited : public Liar {
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        auto* fence = std::get_if<Fence>(&message);
        if (!fence || fence->term <= node.replicator().fence()) return true;
        fence->forced = true;
        forge(node, ActorName::replicator, ActorName::election,
              Fenced{fence->term,
                     Standing{.last = node.replicator().log().last(),
                              .configuration = configuration_of(node.options().raft.members)}});
        answered_.insert({node.id(), node.life(), fence->term});
        return true;
    }
    bool on_receive(SimNode& node, Envelope& envelope, AnyMessage& message) override {
        auto* fenced = std::get_if<Fenced>(&message);
        if (!fenced || forged(envelope)) return true;
        return !answered_.contains({node.id(), node.life(), fenced->term});
    }
    std::set<std::tuple<NodeId, std::uint64_t, Term>> answered_;  // by node, life and term
};

// A leader that hears no majority leads on.
class QuorumNotChecked : public Liar {
    bool on_send(SimNode&, Envelope&, AnyMessage& message) override {
        return !std::get_if<QuorumLost>(&message);
    }
};

}  // namespace

std::vector<Bug> liars_of_elections() {
    return {
        {"vote_forgotten",
         "a vote is not saved: after a restart the node votes again",
         "message",
         50,
         {},
         make<VoteForgotten>},
        {"vote_answered_early",
         "a vote is given, or counted, before it is durable",
         "message",
         50,
         {},
         make<VoteAnsweredEarly>},
        {"stale_tail",
         "votes are judged by an older picture of the log",
         "message",
         50,
         {},
         make<StaleTail>},
        {"fence_opens",
         "a fence opens its term before that is saved",
         "message",
         50,
         {},
         make<FenceOpens>},
        {"fence_not_awaited",
         "votes are given before the fence of their term stands",
         "message",
         50,
         {},
         make<FenceNotAwaited>},
        {"pre_vote_bumps_term",
         "a pre-vote makes others enter its term",
         "message, by script",
         1,
         {},
         make<PreVoteBumpsTerm>,
         leader_missed_by_one},
        {"leader_always_heard",
         "a leader that was heard once stands in every pre-vote's way",
         "message",
         50,
         {},
         make<LeaderAlwaysHeard>},
        {"quorum_not_checked",
         "a leader without a majority leads on",
         "message",
         400,
         {},
         make<QuorumNotChecked>},
    };
}

}  // namespace raftbus::planted
