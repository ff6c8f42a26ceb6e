// election: when to campaign, whom to vote for, and in which term this node lives.
//
// Owns: current term, vote, role, known leader, the election timer. Term and vote are durable
// through storage: saved before anything that depends on them is said ("save, then speak"). Must
// not know: the log. What it has to know of it, the replicator reports under the fence, and votes
// are judged and campaigns counted on that report alone.
//
// Takes: PreVote, PreVoteReply, RequestVote, RequestVoteReply, TimeoutNow, Campaign (network);
//   Fenced, TermSeen, LeaderHeard, QuorumLost, Reconfigured, Resign (replicator); HardStateSaved
//   (storage);
//   AskReport (gateway); PeerUp, PeerLost, Stop (bus).
// Sends: the same requests and replies to peers; Fence, TermSaved, Lead (replicator);
//   SaveHardState (storage); LeaderChanged, ElectionReport (gateway); TransferLeadership (a
//   leader's replicator); Stopped (bus).
// Implements: Raft §5.2, §5.4.1, §6; Diss. §3.10 (transfer), §9.6 (pre-vote); the fence of
//   docs/architecture.md.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <variant>

#include "actors/actor.hpp"
#include "actors/leaderless.hpp"
#include "actors/options.hpp"
#include "actors/timer.hpp"
#include "actors/vote_tally.hpp"
#include "storage/log.hpp"

namespace raftbus {

using ElectionInbox =
    std::variant<PreVote, PreVoteReply, RequestVote, RequestVoteReply, TimeoutNow, Campaign, Fenced,
                 TermSeen, LeaderHeard, QuorumLost, HardStateSaved, AskReport, PeerUp, PeerLost,
                 Stop, Reconfigured, Resign>;

class Election : public ActorOf<Election, ElectionInbox> {
public:
    // `saved` is what the log held at the start. `options` must outlive this.
    Election(Context& context, const RaftOptions& options, HardState saved);

    void start() override;
    void on_timer(TimerId timer) override;
    std::string describe() const override;

    void on(const PreVote&, const Envelope&);
    void on(const PreVoteReply&, const Envelope&);
    void on(const RequestVote&, const Envelope&);
    void on(const RequestVoteReply&, const Envelope&);
    void on(const TimeoutNow&, const Envelope&);
    void on(const Campaign&, const Envelope&);
    void on(const Fenced&, const Envelope&);
    void on(const TermSeen&, const Envelope&);
    void on(const LeaderHeard&, const Envelope&);
    void on(const QuorumLost&, const Envelope&);
    void on(const HardStateSaved&, const Envelope&);
    void on(const AskReport&, const Envelope&);
    void on(const PeerUp&, const Envelope&);
    void on(const PeerLost&, const Envelope&);
    void on(const Stop&, const Envelope&);
    void on(const Reconfigured&, const Envelope&);
    void on(const Resign&, const Envelope&);

    // For invariants, reports and tests.
    Term term() const { return hard_state_.term; }
    NodeId vote() const { return hard_state_.vote; }
    RoleName role() const;
    NodeId leader() const { return leader_; }

private:
    // ---- roles: leaving one destroys what belonged to it

    struct Follower {};
    struct PreCandidate {
        VoteTally tally;  // of the votes that peers would give in the next term
    };
    struct Candidate {
        VoteTally tally;
        EntryId last;  // the log's end, as reported under the fence of this term
        bool forced;
    };
    struct Leader {};
    using Role = std::variant<Follower, PreCandidate, Candidate, Leader>;

    // ---- matters: everything that needs the replicator's word, one at a time

    struct JudgePreVote {
        PreVote request;
        Envelope asked;
    };
    struct JudgeVote {
        RequestVote request;
        Envelope asked;
    };
    struct SoundOut {};  // would this node be elected?
    struct Run {         // campaign in the next term
        bool forced = false;  // promises to a leader do not stand in the way
        Term wished_in;       // of a forced one: the term whose leader gave up its lease for it
    };
    struct Adopt {  // live in this term as a follower; with the current term: step down
        Term term;
    };
    using Matter = std::variant<JudgePreVote, JudgeVote, SoundOut, Run, Adopt>;

    struct Fencing {  // a Fence is out
        Term term;
        Matter matter;
    };
    struct Saving {  // a SaveHardState is out
        StorageRequest request;
        Matter matter;
    };

    void take_up(Matter matter);
    void next_matter();
    bool still_matters(const Matter& matter);
    Term fence_term(const Matter& matter) const;

    void judge(const JudgePreVote& matter, const Standing& standing);
    void judge(const JudgeVote& matter, const Standing& standing);
    void judge(const SoundOut& matter, const Standing& standing);
    void judge(const Run& matter, const Standing& standing);
    void judge(const Adopt& matter, const Standing& standing);
    void refused(const Matter& matter, Duration remaining);
    void save(Matter matter);
    void saved(const Matter& matter);

    void enter_term(Term term);
    void become_follower(std::string_view why);
    void become_leader();
    void set_leader(NodeId leader);
    void ask_for_votes();
    void campaign_failed(std::string_view why);
    void do_not_campaign(std::string_view why);
    void maybe_complain();
    void maybe_stopped();
    Duration draw_timeout();
    bool leader_is_heard(const Standing& standing) const;
    std::size_t rank_without(NodeId lost) const;
    bool voter() const { return std::count(voters_.begin(), voters_.end(), self_) > 0; }
    // Diss. §4.2.2: until the configuration without it is committed, a node that leaves may be the
    // only one that can be elected.
    bool may_campaign() const { return voter() || needed_; }
    bool may_jump_the_timeout() const { return options_.fast_failover && !options_.lease; }

    void tell(ActorName neighbour, AnyMessage message) {
        context_.send({self_, neighbour}, std::move(message));
    }
    void answer(const Envelope& asked, AnyMessage message);
    template <class M>
    void ask_peers(const std::vector<NodeId>& voters, const M& message);

    // identity
    Context& context_;
    const RaftOptions& options_;
    const NodeId self_;
    // durable
    HardState hard_state_;
    HardState saved_;  // what storage is known to hold
    // volatile
    Role role_;
    NodeId leader_;               // of the current term, as far as known
    LeaderChanged leader_told_;   // what the gateway knows
    std::vector<NodeId> voters_;  // as last heard of: nothing is decided by it
    bool needed_ = false;         // not any more, but that is not committed for certain
    std::set<NodeId> connected_;
    std::deque<Matter> waiting_;
    std::variant<std::monostate, Fencing, Saving> under_way_;
    StorageRequest last_request_;
    unsigned failures_ = 0;  // campaigns lost in a row
    Leaderless leaderless_;  // what the log says of that
    bool stopping_ = false;
    // timers
    Timer election_timeout_;
    Timer transfer_timeout_;  // an operator's wish to lead that the leader has not fulfilled
    Timer stop_timeout_;
};

}  // namespace raftbus
