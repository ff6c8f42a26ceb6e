// digest_comparison: how a leader finds out whether all nodes' states are the same.
//
// Owns: the question that is out, its answers, and what was made of them. Must not know: what a
// state is, what becomes of who is wrong. Takes CompareDigestReply; sends CompareDigest and
// DigestVerdict (state machines of the peers; the verdict to the own one, too).
//
// About once a second, as long as something was applied since or somebody has not said yet that it
// has the same. A majority of the voters (of both halves while two configurations count) that
// agrees among itself says which digest counts, also against the leader. Without one the leader's
// counts: somebody has to stop, and the cluster needs its leader.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "actors/context.hpp"
#include "actors/peer_progress.hpp"

namespace raftbus {

// The state as the own state machine last reported it.
struct StateDigest {
    LogIndex index;
    std::uint64_t digest = 0;
    bool operator==(const StateDigest&) const = default;
};

class DigestComparison {
public:
    // What the leader knows at the moment.
    struct View {
        const std::vector<std::vector<NodeId>>& halves;  // of the voters
        const std::map<NodeId, PeerProgress>& peers;
        const std::optional<StateDigest>& applied;
    };

    DigestComparison(Context& context, Term term) : context_(context), term_(term) {}

    // From time to time: asks, if it is time to.
    void tick(const View& view);
    void on(const CompareDigestReply& reply, NodeId from, const View& view);
    // A process that may be another one: it is asked again.
    void peer_up(NodeId peer) { answers_.erase(peer); }
    // It has another state than the one that counts, as far as is known.
    bool differs(NodeId node) const { return differing_.contains(node); }

private:
    struct Said {
        std::uint64_t digest = 0;
        bool diverged = false;  // it has been told that it differs
        bool operator==(const Said&) const = default;
    };
    struct Verdict {
        std::uint64_t expected = 0;
        bool by_majority = false;
        bool operator==(const Verdict&) const = default;
    };

    bool fine(NodeId peer) const;
    std::optional<Verdict> verdict(const View& view, bool all_have_answered) const;
    bool agreed(std::uint64_t digest, const View& view) const;
    void judge(const View& view, bool complete);
    void tell(NodeId node, const Said& said, const Verdict& verdict);

    Context& context_;
    const Term term_;
    std::optional<Moment> asked_at_;
    std::optional<StateDigest> question_;
    std::map<NodeId, Said> answers_;  // to it
    std::map<NodeId, Verdict> told_;  // since the question was last asked
    std::set<NodeId> differing_;
};

}  // namespace raftbus
