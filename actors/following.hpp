// following: what a replicator does while it does not lead: takes entries from the leader of the
// term it works in, and acknowledges what is durable.
//
// Owns: which leader is followed in this term, and how far the own log is known to match its log.
// Must not know: the fence. Whoever calls has made sure that messages are of the term in force.
// Sends: AppendEntriesReply, HeartbeatReply, InstallSnapshotReply (leader's replicator);
//   WriteSnapshot (state machine).
// Implements: Raft Figure 2, "AppendEntries RPC, receiver implementation"; Raft §7, Figure 13.
#pragma once

#include <optional>

#include "actors/context.hpp"
#include "actors/replica_log.hpp"

namespace raftbus {

class Following {
public:
    // `disk`: the id of this node's data directory, for its answers.
    Following(Context& context, ReplicaLog& log, Term term, std::uint64_t disk)
        : context_(context), log_(log), term_(term), disk_(disk) {}

    // Returns false, having changed nothing, if the message contradicts itself.
    bool on(const AppendEntries& append, NodeId leader);
    // Answers a round once: when it comes again, it is for the commit index that it bears.
    // `priority`: what the leader is to know of this node's.
    void on(const Heartbeat& heartbeat, NodeId leader, std::uint32_t priority);
    // Hands the piece to the state machine, unless it is needless.
    void on(const InstallSnapshot& piece, NodeId leader);
    // The state machine has so much of it. When it has all of it, it is installed.
    void on(const SnapshotWritten& written);
    // It was, or could not be.
    void on(const StateInstalled& installed);
    // Acknowledges what has become durable since.
    void acknowledge();

    NodeId leader() const { return leader_; }
    LogIndex matched() const { return matched_; }

private:
    LogIndex acknowledged() const;
    void refuse(EntryId previous);
    void take(const std::vector<Batch>& batches);
    void commit_to(LogIndex leader_commit);
    void reply(AnyMessage message) {
        context_.send({leader_, ActorName::replicator}, std::move(message));
    }

    Context& context_;
    ReplicaLog& log_;
    const Term term_;
    const std::uint64_t disk_;
    NodeId leader_;
    LogIndex matched_;              // the log equals the leader's up to here
    LogIndex told_;                 // and so far the leader has been told
    std::optional<Round> answered_;  // the last round that was answered
    std::optional<LogIndex> owed_;  // the leader waits for an answer that covers this, news or not
};

}  // namespace raftbus
