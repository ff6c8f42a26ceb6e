// raft: what nodes say to each other. The nouns are those of Raft's Figure 2 and of the
// dissertation.
//
// Owns: the messages between nodes. Every one of them bears the term that its sender works in, and
// a reply echoes the term of the request it answers (design rule 4), so that an answer to an older
// question is recognised and dropped.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "messages/batch.hpp"
#include "messages/fields.hpp"
#include "messages/membership.hpp"
#include "messages/types.hpp"

namespace raftbus {

// ---- election to election

// "Would you vote for me in `term`?" Changes nothing at the receiver (Diss. §9.6).
struct PreVote {
    Term term;     // the term that the sender would campaign in
    EntryId last;  // the end of its log
    RAFTBUS_FIELDS(PreVote, term, last);
};
struct PreVoteReply {
    Term term;  // echoed
    bool granted = false;
    Term current;  // the answering node's term
    RAFTBUS_FIELDS(PreVoteReply, term, granted, current);
};

// "I campaign in `term`: vote for me" (Raft §5.2). Sent only when the sender's own vote is durable.
struct RequestVote {
    Term term;
    EntryId last;  // the end of the candidate's log, as its replicator reported it under the fence
    bool forced =
        false;  // an operator or a leader that hands over wants this; leases do not hold it up
    RAFTBUS_FIELDS(RequestVote, term, last, forced);
};
struct RequestVoteReply {
    Term term;             // echoed
    bool granted = false;  // durable before it was sent
    Term current;          // the answering node's term
    RAFTBUS_FIELDS(RequestVoteReply, term, granted, current);
};

// The leader of `term` asks this node to campaign at once (Diss. §3.10).
struct TimeoutNow {
    Term term;
    RAFTBUS_FIELDS(TimeoutNow, term);
};

// An operator wants this node to lead. Sent by any gateway; answered with CampaignReply.
struct Campaign {
    RAFTBUS_FIELDS(Campaign);
};
struct CampaignReply {
    Term term;             // the node's term when it was asked
    bool leading = false;  // it leads already, so there is nothing to do
    RAFTBUS_FIELDS(CampaignReply, term, leading);
};

// ---- replicator to replicator

// Entries after `previous`, possibly none (Raft §5.3).
struct AppendEntries {
    Term term;
    EntryId previous;  // the entry before the first batch
    LogIndex commit;   // the leader's commit index
    std::vector<Batch> batches;
    RAFTBUS_FIELDS(AppendEntries, term, previous, commit, batches);
};

// The log matches the leader's up to here, and is durable up to here (design rule 5).
struct Matched {
    LogIndex index;
    RAFTBUS_FIELDS(Matched, index);
};
// `previous` is not in this log.
struct Conflict {
    LogIndex rejected;  // the `previous.index` that was refused, to tell old refusals from new
    EntryId hint;  // the last entry at or below it that may match: one term is skipped at a time
    RAFTBUS_FIELDS(Conflict, rejected, hint);
};
struct AppendEntriesReply {
    Term term;  // echoed
    std::variant<Matched, Conflict> outcome;
    RAFTBUS_FIELDS(AppendEntriesReply, term, outcome);
};

// "I still lead." Carries no entries, so that it never waits behind any (Raft §5.2, Diss. §6.4).
struct Heartbeat {
    Term term;
    LogIndex commit;  // not above what this peer is known to have matched
    Round round;
    RAFTBUS_FIELDS(Heartbeat, term, commit, round);
};
struct HeartbeatReply {
    Term term;    // echoed
    Round round;  // echoed
    LogIndex
        last;  // the end of the follower's log, durable or not: tells lost appends from slow ones
    LogIndex matched;  // as in Matched: said again, in case that was lost
    std::uint32_t priority = 0;  // of this node as a leader; 0 while it should not lead
    // Its state is damaged: it needs a snapshot that reaches at least so far; 0: it needs none. An
    // older leader does not look at this.
    LogIndex state_wanted = {};
    RAFTBUS_FIELDS(HeartbeatReply, term, round, last, matched, priority, state_wanted);
};

// "Your term is over": the answer to a leader of an older term.
struct NewerTerm {
    Term term;  // the answering node's term
    RAFTBUS_FIELDS(NewerTerm, term);
};

// Which snapshot. Two of the same state may differ in their bytes, so each has a number of its own.
struct SnapshotName {
    EntryId last;           // the newest entry that it covers
    std::uint64_t id = 0;   // drawn by the node that made it
    std::uint64_t size = 0; // in bytes
    RAFTBUS_FIELDS(SnapshotName, last, id, size);
};

// A piece of a snapshot, for a peer whose next entry is not in the leader's log any more (Raft §7).
struct InstallSnapshot {
    Term term;
    SnapshotName snapshot;
    std::uint64_t offset = 0;
    std::uint32_t crc = 0;  // CRC32C of the bytes
    SharedBytes bytes;
    RAFTBUS_FIELDS(InstallSnapshot, term, snapshot, offset, crc, bytes);
};
struct InstallSnapshotReply {
    Term term;               // echoed
    SnapshotName snapshot;   // echoed
    std::uint64_t received = 0;  // bytes of it that are there, without gaps
    bool installed = false;      // it is in force, or was not needed
    RAFTBUS_FIELDS(InstallSnapshotReply, term, snapshot, received, installed);
};

// Asks the leader to hand leadership to `target` (0: whoever is best).
struct TransferLeadership {
    NodeId target;
    RAFTBUS_FIELDS(TransferLeadership, target);
};

// ---- gateway to gateway

// Where this node's clients and tracers connect. Sent to every peer when its connection comes up.
struct Introduction {
    std::string client;  // ZeroMQ endpoint
    std::string trace;   // ZeroMQ endpoint; empty: none
    RAFTBUS_FIELDS(Introduction, client, trace);
};

// ---- gateway to the leader's replicator, and back

// A body for the log. Names the term, so that it is appended in that term or never: once the origin
// has applied an entry of a later term it knows that this proposal is not in the log, nor will be.
struct Propose {
    Term term;
    ProposalNumber proposal;
    std::uint32_t count = 0;     // commands in the body
    std::uint32_t body_crc = 0;  // CRC32C of the body
    SharedBytes body;
    RAFTBUS_FIELDS(Propose, term, proposal, count, body_crc, body);
};

enum class Refusal : std::uint8_t {
    not_leader,    // not of that term, or not any more
    transferring,  // leadership is being handed over: ask again in a moment
    busy,          // too much is waiting to be committed
    no_space,      // the disk is full
    unsupported,   // the cluster does not run with what is asked for
    invalid,       // it makes no sense
};

// Certain not to have been appended.
struct ProposeRefused {
    ProposalNumber proposal;
    Refusal why = Refusal::not_leader;
    RAFTBUS_FIELDS(ProposeRefused, proposal, why);
};

enum class ReadMode : std::uint8_t {
    confirm,  // a round of heartbeats shows that nobody else leads (Raft §8, Diss. §6.4)
    lease,    // the leader's lease shows it (Diss. §6.4.1)
};
// "From which index on may a read that starts now be answered?"
struct ReadIndex {
    ReadNumber read;
    ReadMode mode = ReadMode::confirm;
    RAFTBUS_FIELDS(ReadIndex, read, mode);
};
struct ReadIndexReply {
    ReadNumber read;
    LogIndex index;                   // answer once this much is applied
    Term term;                        // of the leader that confirmed
    std::uint64_t round_trip_us = 0;  // how long the confirmation took
    RAFTBUS_FIELDS(ReadIndexReply, read, index, term, round_trip_us);
};
struct ReadRefused {
    ReadNumber read;
    Refusal why = Refusal::not_leader;
    RAFTBUS_FIELDS(ReadRefused, read, why);
};

// Changes the membership. Asking for what is so already succeeds, so it may be asked again.
struct ChangeMembers {
    ChangeNumber change;
    MemberChange wanted;
    RAFTBUS_FIELDS(ChangeMembers, change, wanted);
};
// It is so, and committed.
struct MembersChanged {
    ChangeNumber change;
    std::vector<Member> members;
    RAFTBUS_FIELDS(MembersChanged, change, members);
};
// This time it was not begun. Another one may have been, before.
struct ChangeRefused {
    ChangeNumber change;
    Refusal why = Refusal::not_leader;
    std::string message;  // for the client: what stands in the way
    RAFTBUS_FIELDS(ChangeRefused, change, why, message);
};

// ---- digests of the state, which is equal on all nodes at equal index

// leader's replicator -> peer's state machine: "my state had this digest when `index` was applied."
// What is applied is committed, so it stays true whoever leads, and passes no fence.
struct CompareDigest {
    Term term;  // the leader's
    LogIndex index;
    std::uint64_t digest = 0;
    RAFTBUS_FIELDS(CompareDigest, term, index, digest);
};
// Mine had this one then. Sent only if it is known.
struct CompareDigestReply {
    Term term;  // echoed
    LogIndex index;
    std::uint64_t digest = 0;
    bool diverged = false;  // it was told that another one counts
    RAFTBUS_FIELDS(CompareDigestReply, term, index, digest, diverged);
};
// leader's replicator -> a state machine that answered otherwise, or its own: this digest counts.
struct DigestVerdict {
    LogIndex index;
    std::uint64_t expected = 0;
    bool by_majority = false;  // false: no majority agrees, and the leader's counts
    RAFTBUS_FIELDS(DigestVerdict, index, expected, by_majority);
};

}  // namespace raftbus
