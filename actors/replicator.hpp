// replicator: the log of this node: takes it from the leader, or leads.
//
// Owns: the fence (the oldest term that this node still works for), the log, its commit index, and
// what the role of this term needs: Following or Leading. Must not know: votes. It leads when
// election says so and the fence allows it.
//
// Takes: Fence, TermSaved, Lead (election); Appended, AppendRefused, LogRead, Compacted (storage);
//   Applied, Flushed, SnapshotRead, SnapshotWritten, StateInstalled, StateJudged (state machine);
//   CompareDigestReply (state machines of all nodes);
//   AppendEntries, AppendEntriesReply, Heartbeat, HeartbeatReply, InstallSnapshot,
//   InstallSnapshotReply, NewerTerm, TransferLeadership (network); Propose, ReadIndex,
//   ChangeMembers (gateways of all nodes); AskReport (gateway); PeerUp, PeerLost, PeerSpeaks,
//   RemovalTold (bus).
// Sends: Fenced, TermSeen, LeaderHeard, QuorumLost (election); what Following, Leading and
//   ReplicaLog send; NewerTerm (peers); ProposeRefused, ReplicatorReport, SnapshotTaken (gateway);
//   Reconfigured (election, bus; gateway, for the version that the cluster speaks); LogCut (state
//   machine).
// Implements: the fence of docs/architecture.md, rules 1 to 8. Two terms stand at the door:
// `fence`, below
//   which nothing is done, and `open`, the term whose saving election has confirmed. Work is done
//   only in a term that is both.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "actors/actor.hpp"
#include "actors/following.hpp"
#include "actors/leading.hpp"
#include "actors/options.hpp"
#include "actors/recent_proposals.hpp"
#include "actors/replica_log.hpp"
#include "actors/timer.hpp"

namespace raftbus {

using ReplicatorInbox =
    std::variant<Fence, TermSaved, Lead, Appended, AppendRefused, LogRead, Applied, AppendEntries,
                 AppendEntriesReply, Heartbeat, HeartbeatReply, NewerTerm, TransferLeadership,
                 Propose, ReadIndex, AskReport, PeerUp, PeerLost, InstallSnapshot,
                 InstallSnapshotReply, SnapshotRead, SnapshotWritten, StateInstalled, Flushed,
                 Compacted, ChangeMembers, RemovalTold, CompareDigestReply, StateJudged,
                 PeerSpeaks>;

class Replicator : public ActorOf<Replicator, ReplicatorInbox> {
public:
    // `recovered` is what storage found at start, `applied` and `clock` what the state machine
    // holds, `configured` the last configuration that it has applied. `options` must outlive this.
    Replicator(Context& context, const RaftOptions& options, const RecoveredLog& recovered,
               LogIndex applied, WallTime clock, const StoredConfiguration& configured = {});

    void start() override;
    void on_timer(TimerId timer) override;
    void on_drained() override;
    std::string describe() const override;

    void on(const Fence&, const Envelope&);
    void on(const TermSaved&, const Envelope&);
    void on(const Lead&, const Envelope&);
    void on(const Appended&, const Envelope&);
    void on(const AppendRefused&, const Envelope&);
    void on(const LogRead&, const Envelope&);
    void on(const Applied&, const Envelope&);
    void on(const AppendEntries&, const Envelope&);
    void on(const AppendEntriesReply&, const Envelope&);
    void on(const Heartbeat&, const Envelope&);
    void on(const HeartbeatReply&, const Envelope&);
    void on(const NewerTerm&, const Envelope&);
    void on(const TransferLeadership&, const Envelope&);
    void on(const Propose&, const Envelope&);
    void on(const ReadIndex&, const Envelope&);
    void on(const AskReport&, const Envelope&);
    void on(const PeerUp&, const Envelope&);
    void on(const PeerLost&, const Envelope&);
    void on(const InstallSnapshot&, const Envelope&);
    void on(const InstallSnapshotReply&, const Envelope&);
    void on(const SnapshotRead&, const Envelope&);
    void on(const SnapshotWritten&, const Envelope&);
    void on(const StateInstalled&, const Envelope&);
    void on(const Flushed&, const Envelope&);
    void on(const Compacted&, const Envelope&);
    void on(const ChangeMembers&, const Envelope&);
    void on(const RemovalTold&, const Envelope&);
    void on(const CompareDigestReply&, const Envelope&);
    void on(const StateJudged&, const Envelope&);
    void on(const PeerSpeaks&, const Envelope&);

    // For invariants and tests.
    Term fence() const { return fence_; }
    Term open() const { return open_; }
    const ReplicaLog& log() const { return log_; }
    bool leads() const { return leading() != nullptr; }
    const Leading* leading() const { return std::get_if<Leading>(&role_); }
    // With leases: no newer term is let in now, unless somebody insists.
    bool promises() const { return context_.now() < promised_until_; }
    // How far the log is known to match the leader's; 0 while leading.
    LogIndex matched() const;

private:
    using FromLeader = std::variant<AppendEntries, Heartbeat>;
    struct Held {
        Envelope envelope;
        FromLeader message;
    };

    bool expelled(NodeId node) const;
    bool admit(Term term, const Envelope& envelope);
    void hold(const Envelope& envelope, FromLeader message);
    void release_held();
    void term_seen(Term term);
    void leader_heard(NodeId leader);
    void stop_leading();
    void maybe_tell_configuration();
    std::vector<Member> peers() const;
    Leading* leading_in(Term term);
    Leading* leading() { return std::get_if<Leading>(&role_); }
    Following& following() { return std::get<Following>(role_); }
    void tell_election(AnyMessage message) {
        context_.send({self_, ActorName::election}, std::move(message));
    }

    // identity
    Context& context_;
    const RaftOptions& options_;
    const NodeId self_;
    const Term started_in_;  // this life leads later terms alone
    // durable, through storage
    ReplicaLog log_;
    // volatile
    Term fence_;      // nothing is done for a term below it
    Term open_;       // work is done in this term alone, and only while it equals fence_
    Term term_told_;  // the highest term that election has been told of
    std::variant<Following, Leading> role_;
    std::optional<Moment> leader_heard_;           // when, in the term of the fence
    Moment leader_told_;                           // when election was last told of it
    Moment promised_until_;                        // with leases: no newer term before this
    std::map<NodeId, RecentProposals> proposals_;  // by the node whose gateway made them
    std::deque<Held> held_;                        // from leaders of terms that are not open yet
    bool removed_ = false;                         // members have said so
    std::map<NodeId, Versions> speaks_;            // what peers know, as far as they were heard
    std::uint32_t version_told_ = 1;               // to the gateway: what the cluster speaks
    bool diverged_ = false;                        // the own state is not the others', or damaged
    struct Told {                                  // of the configurations, in few words
        EntryId in_force;
        LogIndex committed;
        std::size_t peers = 0;  // of a leader
        NodeId leader;          // that is followed
        bool operator==(const Told&) const = default;
    };
    std::optional<Told> told_;
    std::vector<Member> peers_told_;  // the connections that the bus was asked for
    // timers
    Timer tick_;
};

}  // namespace raftbus
