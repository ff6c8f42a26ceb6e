// leading: what a replicator does while it leads one term. Made when it is told to lead, destroyed
// when the fence rises or it steps down: nothing of a leadership outlives it.
//
// Owns: every peer's progress, rounds of heartbeats, reads that wait for one, the lease, a transfer
// of leadership under way, changes of the membership. Must not know: the fence. Whoever calls has
// made sure that messages are of this term. Sends: AppendEntries, Heartbeat (peers' replicators);
// ProposeRefused, ReadIndexReply, ReadRefused
//   (gateways); TimeoutNow (a peer's election); QuorumLost, Resign (election).
// Also gives the log its time, and writes a tick when something is due and nobody else writes.
// Implements: Raft §5.3, §5.4.2, §6, §8; Diss. §3.10, §4.2.2, §6.2, §6.4, §10.2.1.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "actors/cluster_time.hpp"
#include "actors/context.hpp"
#include "actors/member_changes.hpp"
#include "actors/options.hpp"
#include "actors/peer_progress.hpp"
#include "actors/preference.hpp"
#include "actors/read_confirm.hpp"
#include "actors/replica_log.hpp"
#include "actors/snapshot_sender.hpp"

namespace raftbus {

class Leading {
public:
    // Appends the new leader's no-op (Raft §8). `speaks`: the versions that peers know, as far as
    // they were heard; outlives this.
    Leading(Context& context, const RaftOptions& options, ReplicaLog& log, Term term,
            const std::map<NodeId, Versions>& speaks);

    void on(const AppendEntriesReply& reply, NodeId from);
    void on(const HeartbeatReply& reply, NodeId from);
    void on(const InstallSnapshotReply& reply, NodeId from);
    void on(const SnapshotRead& read) { snapshots_.on(read); }
    // Appends the body. None, or why it was not.
    std::optional<Refusal> propose(const Propose& propose, const Envelope& envelope);
    void on(const ReadIndex& read, const Envelope& envelope);
    void on(const TransferLeadership& wish);
    void on(const ChangeMembers& ask, const Envelope& envelope);
    void on(const LogRead& read);
    void on(const CompareDigestReply& reply, NodeId from);
    // The own state is not the others': leads no longer than it takes to hand over.
    void state_unfit();
    void on(const PeerUp& up);
    void on(const PeerLost& lost);

    // Once every heartbeat interval.
    void tick();
    // After every burst: commits, sends to peers what their credit allows, starts a round for
    // reads.
    void drained();
    // Before it is destroyed: refuses the reads and changes that wait.
    void leave();

    Term term() const { return term_; }
    LogIndex no_op() const { return no_op_; }
    // See SnapshotSender.
    std::optional<LogIndex> holds_log_at() const { return snapshots_.holds_log_at(); }
    // Reads may be answered without asking anybody (Diss. §6.4.1); false without leases.
    bool lease_holds() const;
    // All nodes that are sent entries: the members, and those that were until a moment ago.
    const std::map<NodeId, PeerProgress>& peers() const { return peers_; }

private:
    struct Transfer {
        NodeId target;
        Moment deadline;
        bool told = false;  // TimeoutNow is out
    };
    struct RoundSent {
        Round round;
        Moment when;
    };

    struct Departing {   // a peer that is no member any more
        LogIndex final;  // the configuration that says so
        Moment until;    // not sent anything after this
        Round told_in;   // it has heard of the commit when it answers this round; 0: not told
    };

    void append(BatchKind kind, std::uint32_t count, NodeId origin, ProposalNumber proposal,
                std::uint32_t body_crc, SharedBytes body);
    void append(const Configuration& configuration);
    void follow_configuration();
    void forget_demoted(const Configuration& configuration);
    void maybe_change_members();
    void maybe_raise_version();
    void maybe_depart();
    void maybe_resign();
    MemberChanges::View view() const;
    DigestComparison::View digests_view() const { return {halves_, peers_, log_.state()}; }
    bool member(NodeId node) const;
    void maybe_commit();
    void replicate_to(NodeId peer, PeerProgress& progress);
    void send_entries(NodeId peer, PeerProgress& progress, std::vector<Batch> batches);
    void fetch_for(PeerProgress& progress);
    void acknowledged(NodeId node, PeerProgress& progress, LogIndex index);
    void connection_changed(NodeId peer, bool connected);
    void heartbeat(NodeId peer, PeerProgress& progress);
    void start_round();
    void confirm_reads();
    void answer(const WaitingRead& read);
    void refuse(const WaitingRead& read, Refusal why);
    void maybe_hand_over();
    void maybe_yield();
    void maybe_make_room();
    void maybe_tick();
    NodeId best_successor() const;
    bool hears_quorum() const;
    // The greatest value that majorities reach: the own one, and what it is of each peer.
    template <class T, class Of>
    T reached(T own, Of of) const;

    // identity
    Context& context_;
    const RaftOptions& options_;
    const NodeId self_;
    const Term term_;
    // volatile
    ReplicaLog& log_;
    std::vector<std::vector<NodeId>> halves_;  // of the voters, in the configuration in force
    const ClusterTime time_;
    std::optional<Moment> ticked_;  // when the last tick was appended
    std::map<NodeId, PeerProgress> peers_;
    std::map<NodeId, Departing> departing_;
    MemberChanges changes_;
    LogIndex no_op_;
    LogIndex end_at_tick_;  // of the log, one heartbeat ago at most
    ReadConfirm reads_;
    Round round_;
    std::deque<RoundSent> rounds_sent_;  // not confirmed yet
    Moment confirmed_at_;                // when the newest confirmed round was sent
    bool lease_given_up_ = false;  // a TimeoutNow went out in this term: it may act at any time
    std::optional<Transfer> transfer_;
    Preference preference_;
    bool resigning_ = false;  // no member any more, or not fit to lead
    DigestComparison digests_;
    const std::map<NodeId, Versions>& speaks_;
    SnapshotSender snapshots_;
};

}  // namespace raftbus
