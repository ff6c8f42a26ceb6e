// client: what clients ask of a node, and what it answers, as plain structs.
//
// Owns: the vocabulary of the client protocol (docs/protocol.md). Requests are views into the frame
// they came in. Must not know: msgpack, sockets, how anything is done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/backup.hpp"
#include "messages/local.hpp"
#include "messages/types.hpp"
#include "messages/watching.hpp"

namespace raftbus::client {

enum class Consistency : std::uint8_t { linearizable, lease, local };

// A write happens only if all that is given here holds of the key.
struct Condition {
    std::optional<std::uint64_t> if_revision;  // of its last write; 0: only if the key is absent
    std::optional<std::string_view> if_value;
    bool operator==(const Condition&) const = default;
};

// ---- operations

struct Set {
    std::string_view key;
    std::string_view value;
    Condition condition;
    std::optional<std::uint64_t> ttl_ms;  // the key goes after so long; from 1, below 2^53
};
struct Get {
    std::string_view key;
    Consistency consistency = Consistency::linearizable;
};
struct Delete {
    std::string_view key;
    Condition condition;
};
struct NoOp {};

struct Prefix {
    std::string_view prefix;  // empty: every key
};
struct Range {
    std::string_view start;  // inclusive
    std::string_view end;    // exclusive
};
struct Scan {
    std::variant<Prefix, Range> keys;
    std::uint64_t limit = 1000;  // items, from 1
    bool keys_only = false;
    Consistency consistency = Consistency::linearizable;
};

struct Status {};
struct Heartbeat {};
struct Log {
    LogIndex from;               // 0: from the oldest
    std::uint64_t limit = 1000;  // entries, from 1
};
struct Elect {
    std::optional<NodeId> node;  // none: the node that is asked
};
struct Members {};
struct Snapshot {};
struct Add {
    NodeId node;
    std::string_view peer;    // ZeroMQ endpoint
    std::string_view client;  // ZeroMQ endpoint
    bool learner = false;     // it stays one
};
struct Remove {
    NodeId node;
};
struct Promote {
    NodeId node;
};
struct OpenSession {};
struct Demote {
    NodeId node;
    bool learner = false;  // it stays one
};
struct Backup {
    std::uint64_t backup = 0;  // 0: begin one, of what this node has applied
    std::uint64_t offset = 0;
};

// Holds of a key; exactly one of the three is given.
struct TxnCondition {
    std::string_view key;
    std::optional<std::string_view> value;
    std::optional<std::uint64_t> revision;  // of its last write; 0: it is absent
    std::optional<bool> present;
};
// Neither conditions nor consistency count in one.
using TxnStep = std::variant<Set, Delete, Get, Scan>;
// If all conditions hold the steps of `then` are carried out, or else those of `otherwise`.
struct TxnParts {
    std::vector<TxnCondition> conditions;
    std::vector<TxnStep> then;
    std::vector<TxnStep> otherwise;
};
// Known to be right; read_txn() takes it apart. A request of another op need not make room for its
// lists.
struct Txn {
    std::string_view map;  // the request
    std::uint32_t conditions = 0, then = 0, otherwise = 0;
};
inline constexpr std::size_t kTxnPartsMax = 128;  // conditions and steps of one transaction

// Ask for an id: the replies to come bear it.
struct Watch {
    std::string_view key;
    bool prefix = false;                       // every key that begins with it
    std::optional<std::uint64_t> from;         // revision; none: from now on
    std::optional<std::uint64_t> progress_ms;  // a sign of life when there is nothing else to say
};
struct Cancel {};

using Operation =
    std::variant<Set, Get, Delete, NoOp, Scan, Status, Heartbeat, Log, Elect, Members, Snapshot,
                 Add, Remove, Promote, OpenSession, Txn, Watch, Cancel, Demote, Backup>;

// An operation's number in Operation.
enum class Op : std::uint8_t {
    set,
    get,
    erase,
    no_op,
    scan,
    status,
    heartbeat,
    log,
    elect,
    members,
    snapshot,
    add,
    remove,
    promote,
    session,
    txn,
    watch,
    cancel,
    demote,
    backup
};
inline Op op_of(const Operation& operation) {
    return static_cast<Op>(operation.index());
}

// A write's place in its session: sent again under the same number it is not executed again.
struct SessionUse {
    std::uint64_t session = 0;
    std::uint64_t seq = 0;  // from 1, below 2^53
};

struct Request {
    Operation operation;
    std::optional<SessionUse> session;        // writes alone
    std::optional<std::uint64_t> timeout_ms;  // from 1; none: the node's default
    bool trace = false;                       // the reply is to name the request in traces
    std::optional<std::uint64_t> needs_version;  // refused unless the cluster speaks that one
};

// ---- failures

enum class ErrorCode : std::uint8_t {
    bad_request,
    too_large,
    condition_failed,
    no_leader,
    busy,
    no_space,
    timeout,
    unsupported,
    session_expired,
    compacted,
    damaged,
};
// As on the wire: "BAD_REQUEST".
std::string_view to_string(ErrorCode code);
// False: certain not to have been executed, and never to be.
constexpr bool may_be_executed(ErrorCode code) {
    return code == ErrorCode::timeout;
}

struct Failure {
    ErrorCode code = ErrorCode::bad_request;
    std::string message;  // the cause and, where there is one, the next step; UTF-8
    std::optional<ConditionFailed> stands;  // condition_failed: what there is instead
    bool unknown = false;  // it may have been executed all the same, whatever the code says
    std::optional<LogIndex> first = {};  // compacted: the oldest revision that is left
    std::optional<LogIndex> told = {};   // of a watch: every change up to this revision was sent
};

// ---- replies

struct WriteReply {
    std::uint64_t revision = 0;
    std::optional<bool> found;  // DELETE alone
};
struct SessionReply {
    std::uint64_t session = 0;
};
struct TxnReply {
    const Transacted& answer;
};
struct GetReply {
    const GetAnswer& answer;
    std::optional<LogIndex> applied;  // local reads alone
};
struct ScanReply {
    const ScanAnswer& answer;
    std::optional<LogIndex> applied;  // local reads alone
};
struct HeartbeatReply {
    NodeId leader;
    Term term;
    std::uint64_t round_trip_us = 0;
};
struct ElectReply {
    NodeId leader;
    Term term;
};

struct SnapshotReply {
    LogIndex index;  // everything up to it is flushed, and cut from the log if it could be
};

struct BackupReply {
    const BackupPiece& piece;
};

struct MemberInfo {
    Member member;
    std::string trace;  // ZeroMQ endpoint; empty: none, or not known
    std::uint32_t oldest = 0, newest = 0;  // wire versions that it speaks; 0: not known here
};
struct MembersReply {
    const std::vector<MemberInfo>& members;
};
struct StatusReply {
    NodeId node;
    std::string_view cluster;
    std::string_view role;
    Term term;
    NodeId leader;
    LogIndex first, last, commit, applied;
    std::uint64_t digest = 0;
    const std::vector<MemberInfo>& members;
    std::string_view version;
    std::uint64_t uptime_ms = 0;
    std::string_view client;
    std::string_view trace;
    bool storage_answers = true;
    std::uint64_t keys = 0;
    bool member = true;
    std::optional<Divergence> diverged;
    std::string_view damaged;  // what of the state can not be read; empty: nothing is known of
    // Requests in flight on this node and their bytes; of replies that clients have not taken yet.
    std::uint64_t in_flight = 0, in_flight_bytes = 0, unread_bytes = 0;
    std::uint64_t clients = 0, clients_refused = 0;  // connections
    std::uint32_t cluster_version = 1;               // that the cluster speaks
    std::uint32_t oldest = 1, newest = 1;            // wire versions that this node speaks
};

// A watch has begun: every change after the revision is going to be told.
struct WatchingReply {
    LogIndex revision;
};
struct WatchEventReply {
    const WatchEvent& event;
    bool more = false;  // another change of the same revision follows
};
struct ProgressReply {
    LogIndex revision;  // every change up to it was told
};
struct CancelledReply {};

struct LogEntry {
    LogIndex index;
    Term term;
    NodeId leader;
    std::string_view kind;                  // "set", "delete", "no-op", "config", "session", …
    std::optional<std::string_view> key;    // set, delete
    std::optional<std::string_view> value;  // set
};
struct LogReply {
    const std::vector<LogEntry>& entries;
    LogIndex first, last;  // of the whole log
    bool more = false;     // entries are left between the last one here and `last`
};

// ---- words

// The operation on one line, values as their size: "Set colour (3 B)".
std::string to_text(const Operation& operation);
// `text` in printable ASCII, at most `length_max` of its bytes: what is not becomes \xNN.
std::string printable(std::string_view text, std::size_t length_max = 64);

}  // namespace raftbus::client
