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
        {"leader_always_heard",
         "a leader that was heard once stands in every pre-vote's way",
         "message",
         50,
         {},
         make<LeaderAlwaysHeard>},
        {"quorum_not_checked",
         "a leader without a majority leads on",
         "message",
         100,
         {},
         make<QuorumNotChecked>},
    };
}

}  // namespace raftbus::planted
