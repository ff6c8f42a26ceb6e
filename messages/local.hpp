// local: what the actors of one node say to each other. None of it is taken from a peer.
//
// Owns: the messages inside a node. The first group is the fence (docs/architecture.md), which
// takes the place of the lock that a Raft in one piece would hold over term, vote and log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/batch.hpp"
#include "messages/connections.hpp"
#include "messages/fields.hpp"
#include "messages/membership.hpp"
#include "messages/raft.hpp"
#include "messages/snapshots.hpp"
#include "messages/types.hpp"

namespace raftbus {

// ---- the fence: election and replicator

// election -> replicator: "work for no term below this one, and stop leading." A fence of the term
// that is in force already raises nothing: it asks for the picture. At most one is outstanding.
struct Fence {
    Term term;
    bool forced = false;  // an operator's or a leader's wish: promises to a leader do not refuse it
    RAFTBUS_FIELDS(Fence, term, forced);
};

// The fence stands. Votes are judged and campaigns counted on this picture alone.
struct Standing {
    EntryId last;                 // the end of the log as accepted, durable or not
    Configuration configuration;  // in force
    std::optional<Duration>
        since_leader;             // since the leader of the current term was heard; none: not heard
    bool storage_answers = true;  // false: a storage request has been waiting for too long
    bool removed = false;         // members have said that this node is none any more
    bool forgetful = false;       // its data is being rebuilt: what it promised before it knows not
    bool diverged = false;        // its state differs from the other nodes', or is damaged
    RAFTBUS_FIELDS(Standing, last, configuration, since_leader, storage_answers, removed, forgetful,
                   diverged);
};
// The fence was refused: a lease is promised, or a start too recent to know of any.
struct Promised {
    Duration remaining{};
    RAFTBUS_FIELDS(Promised, remaining);
};
// replicator -> election
struct Fenced {
    Term term;  // echoed
    std::variant<Standing, Promised> outcome;
    RAFTBUS_FIELDS(Fenced, term, outcome);
};
// election -> replicator: the stored term is at least this one: take part in it (rule 3, "open").
struct TermSaved {
    Term term;
    RAFTBUS_FIELDS(TermSaved, term);
};
// election -> replicator: this node won `term`. Obeyed only if the fence still is `term` (rule 4).
struct Lead {
    Term term;
    RAFTBUS_FIELDS(Lead, term);
};
// replicator -> election: a message of a higher term came in.
struct TermSeen {
    Term term;
    RAFTBUS_FIELDS(TermSeen, term);
};
// replicator -> election: the leader of `term` was heard. Not sent for every message.
struct LeaderHeard {
    Term term;
    NodeId leader;
    RAFTBUS_FIELDS(LeaderHeard, term, leader);
};
// replicator -> election: this leader has not heard a majority for an election timeout (Diss.
// §6.2).
struct QuorumLost {
    Term term;
    RAFTBUS_FIELDS(QuorumLost, term);
};

// ---- storage

// election -> storage
struct SaveHardState {
    StorageRequest request;
    Term term;
    NodeId vote;  // 0: none given in this term
    RAFTBUS_FIELDS(SaveHardState, request, term, vote);
};
struct HardStateSaved {
    StorageRequest request;
    RAFTBUS_FIELDS(HardStateSaved, request);
};

// replicator -> storage: first forget all entries from `cut_from` on (0: none), then add the
// batches.
struct Append {
    StorageRequest request;
    LogIndex cut_from;
    std::vector<Batch> batches;
    RAFTBUS_FIELDS(Append, request, cut_from, batches);
};
// Done and durable. Requests are answered in the order they were made.
struct Appended {
    StorageRequest request;
    RAFTBUS_FIELDS(Appended, request);
};
// The disk is full: nothing of the request was written.
struct AppendRefused {
    StorageRequest request;
    RAFTBUS_FIELDS(AppendRefused, request);
};

// replicator or gateway -> storage: whole batches from the one that holds `from`, at least one if
// there is any, until `bytes_max` is exceeded.
struct ReadLog {
    StorageRequest request;
    LogIndex from;
    std::uint64_t bytes_max = 0;
    RAFTBUS_FIELDS(ReadLog, request, from, bytes_max);
};
struct LogRead {
    StorageRequest request;
    LogIndex first;              // the oldest index that the log still has
    LogIndex last;               // the newest that was written
    std::vector<Batch> batches;  // empty: nothing at `from` (any more, or yet)
    RAFTBUS_FIELDS(LogRead, request, first, last, batches);
};

// ---- state machine

// replicator -> state machine: committed and durable, in order, without gaps.
struct Apply {
    std::vector<Batch> batches;
    RAFTBUS_FIELDS(Apply, batches);
};
// state machine -> replicator: room for more.
struct Applied {
    LogIndex index;
    WallTime clock;               // of the state: the newest time of the batches it has applied
    std::optional<WallTime> due;  // when a batch has to bring the clock for something to happen
    std::uint64_t digest = 0;     // of the state at `index`
    RAFTBUS_FIELDS(Applied, index, clock, due, digest);
};

// What a command did. Revisions are log indexes.
struct Written {
    std::uint64_t revision = 0;  // of this command
    bool found = false;          // whether the key was there before (DELETE only; false for SET)
    RAFTBUS_FIELDS(Written, revision, found);
};
struct ConditionFailed {
    bool found = false;
    std::uint64_t revision = 0;  // of the key's last write; 0 if it is not there
    RAFTBUS_FIELDS(ConditionFailed, found, revision);
};
// A transaction was carried out: one of its branches, or the other.
struct Transacted {
    // What is said of it to the client: the pairs `succeeded`, `revision` and `results` of a
    // msgpack map, without the map's head.
    SharedBytes reply;
    RAFTBUS_FIELDS(Transacted, reply);
};
// The transaction was to read more than may be answered. Nothing was done.
struct AnswerTooLarge {
    std::uint64_t bytes = 0;  // of what it was to read, key by key
    std::uint64_t limit = 0;
    RAFTBUS_FIELDS(AnswerTooLarge, bytes, limit);
};
// The command's session is not known, or not any more. Nothing was done.
struct SessionExpired {
    RAFTBUS_FIELDS(SessionExpired);
};
// The command's number lies so far back in its session that what came of it is forgotten. Nothing
// was done now.
struct OutcomeForgotten {
    std::uint64_t newest = 0;  // number in that session
    RAFTBUS_FIELDS(OutcomeForgotten, newest);
};
using CommandOutcome = std::variant<Written, ConditionFailed, Transacted, AnswerTooLarge,
                                    SessionExpired, OutcomeForgotten>;

struct BatchOutcome {
    ProposalNumber proposal;
    std::vector<CommandOutcome> outcomes;  // one per command, in order
    RAFTBUS_FIELDS(BatchOutcome, proposal, outcomes);
};
// state machine -> gateway: applied up to `index`, an entry of `term`. A proposal of an older term
// that is not among the outcomes of this or an earlier message will never be applied.
struct OutcomesReady {
    LogIndex index;
    Term term;
    std::vector<BatchOutcome> batches;  // those whose origin is this node
    bool skipped = false;  // a snapshot took the place of entries: their outcomes are not known here
    RAFTBUS_FIELDS(OutcomesReady, index, term, batches, skipped);
};

struct GetQuery {
    SharedBytes key;
    RAFTBUS_FIELDS(GetQuery, key);
};
struct ScanQuery {
    SharedBytes start;               // inclusive
    std::optional<SharedBytes> end;  // exclusive; none: to the last key
    std::uint64_t limit = 0;         // items
    std::uint64_t bytes_max = 0;  // of keys and values; at least one item is returned all the same
    bool keys_only = false;
    RAFTBUS_FIELDS(ScanQuery, start, end, limit, bytes_max, keys_only);
};
using Query = std::variant<GetQuery, ScanQuery>;

struct Item {
    SharedBytes key;
    SharedBytes value;
    std::uint64_t revision = 0;
    RAFTBUS_FIELDS(Item, key, value, revision);
};
struct GetAnswer {
    std::optional<Item> item;  // none: not found; the key is left empty
    RAFTBUS_FIELDS(GetAnswer, item);
};
struct ScanAnswer {
    std::vector<Item> items;
    bool more = false;
    RAFTBUS_FIELDS(ScanAnswer, items, more);
};
// The state is damaged there, or elsewhere: it answers nothing.
struct NoAnswer {
    RAFTBUS_FIELDS(NoAnswer);
};
using Answer = std::variant<GetAnswer, ScanAnswer, NoAnswer>;

// gateway -> state machine: answer these once `at` is applied.
struct ReadState {
    ReadNumber read;
    LogIndex at;
    std::vector<Query> queries;
    std::uint64_t bytes_max = UINT64_MAX;  // of the answers; the one that exceeds it is the last
    RAFTBUS_FIELDS(ReadState, read, at, queries, bytes_max);
};
struct StateRead {
    ReadNumber read;
    LogIndex applied;
    std::vector<Answer> answers;  // one per query, in order, of the first ones; at least one
    RAFTBUS_FIELDS(StateRead, read, applied, answers);
};

// ---- who leads, and reports for STATUS

enum class RoleName : std::uint8_t { follower, pre_candidate, candidate, leader };

// election -> gateway: a hint for where to send proposals and reads.
struct LeaderChanged {
    Term term;
    NodeId leader;  // 0: none known
    RAFTBUS_FIELDS(LeaderChanged, term, leader);
};

// gateway -> election, replicator, state machine
struct AskReport {
    std::uint64_t ask = 0;
    RAFTBUS_FIELDS(AskReport, ask);
};
struct ElectionReport {
    std::uint64_t ask = 0;
    RoleName role = RoleName::follower;
    Term term;
    NodeId leader;
    RAFTBUS_FIELDS(ElectionReport, ask, role, term, leader);
};
struct ReplicatorReport {
    std::uint64_t ask = 0;
    LogIndex first, last, commit;
    std::vector<Member> members;
    bool storage_answers = true;
    bool member = true;  // this node is one, as far as it knows
    std::uint32_t version = 1;  // that the cluster speaks
    RAFTBUS_FIELDS(ReplicatorReport, ask, first, last, commit, members, storage_answers, member,
                   version);
};
// The state of this node had another digest than the one that counts.
struct Divergence {
    LogIndex index;  // when this was applied
    std::uint64_t digest = 0;
    std::uint64_t expected = 0;
    bool by_majority = false;  // a majority of the voters has the expected one
    RAFTBUS_FIELDS(Divergence, index, digest, expected, by_majority);
};
// Something in the state of this node can not be read. It applies nothing more, and answers nothing.
struct StateDamage {
    LogIndex applied;  // what takes its place must reach at least as far
    std::string what;
    RAFTBUS_FIELDS(StateDamage, applied, what);
};
struct StateReport {
    std::uint64_t ask = 0;
    LogIndex applied;
    std::uint64_t digest = 0;  // of the state at `applied`
    std::uint64_t keys = 0;    // about how many there are
    std::optional<Divergence> diverged;
    std::optional<StateDamage> damaged;
    RAFTBUS_FIELDS(StateReport, ask, applied, digest, keys, diverged, damaged);
};

// ---- the bus

// bus -> election, replicator, gateway: a connection to the peer stands, or broke.
struct PeerUp {
    NodeId peer;
    RAFTBUS_FIELDS(PeerUp, peer);
};
struct PeerLost {
    NodeId peer;
    RAFTBUS_FIELDS(PeerLost, peer);
};
// bus -> election: hand leadership over. bus -> gateway, later: answer what can be answered soon.
// Each says Stopped to the bus when it is done.
struct Stop {
    RAFTBUS_FIELDS(Stop);
};
struct Stopped {
    RAFTBUS_FIELDS(Stopped);
};

// One message of a client: `route` is every frame up to and including the first empty one, packed;
// it goes back unchanged.
struct ClientFrame {
    SharedBytes route;
    std::optional<SharedBytes> body;  // none: the message had no empty frame, or no body after it
    RAFTBUS_FIELDS(ClientFrame, route, body);
};
// bus -> gateway: what has come in since the last one.
struct ClientRequests {
    std::vector<ClientFrame> frames;
    RAFTBUS_FIELDS(ClientRequests, frames);
};
// gateway -> bus
struct ClientReplies {
    std::vector<ClientFrame> frames;
    RAFTBUS_FIELDS(ClientReplies, frames);
};

// ---- membership

// replicator -> election, bus: another configuration is in force, or committed. To election it is a
// hint: votes are judged under the fence.
struct Reconfigured {
    LogIndex index;               // of the configuration in force; 0: the one given at start
    Configuration configuration;  // in force
    std::vector<Member> peers;    // to be connected with: of all configurations that may yet count,
                                  // and those on their way out
    std::vector<NodeId> removed;  // to be refused: removed for certain
    LogIndex committed;           // the configuration that says so
    bool votes = true;            // this node votes in one of the configurations that may yet count
    RAFTBUS_FIELDS(Reconfigured, index, configuration, peers, removed, committed, votes);
};
// bus -> replicator: a peer refuses this node, which the configuration at `index` removed.
struct RemovalTold {
    LogIndex index;
    NodeId by;
    RAFTBUS_FIELDS(RemovalTold, index, by);
};
// replicator -> election: this leader is no member any more and has nothing left to do.
struct Resign {
    Term term;
    RAFTBUS_FIELDS(Resign, term);
};

// ---- digests

// state machine -> replicator, gateway: this node's state differs from the others', or can not be
// read, so it serves nobody; or (neither) it is sound again.
struct StateJudged {
    std::optional<Divergence> diverged;
    std::optional<StateDamage> damaged = {};
    RAFTBUS_FIELDS(StateJudged, diverged, damaged);
};

}  // namespace raftbus
