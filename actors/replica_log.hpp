// replica_log: this node's copy of the log as its replicator works with it: the tail in memory,
// what of it storage has made durable, what of it is committed, and how far the state machine has
// been fed.
//
// Owns: LogTail, the configurations in it, DurableMark, commit index, the numbers of storage
// requests.
// Must not know: roles, terms' meaning, peers.
// Sends: Append, ReadLog, Compact, RestartLog (storage); Apply, InstallState (state machine).
#pragma once

#include <optional>

#include "actors/byte_window.hpp"
#include "actors/configurations.hpp"
#include "actors/context.hpp"
#include "actors/digest_comparison.hpp"
#include "actors/durable_mark.hpp"
#include "actors/log_tail.hpp"
#include "actors/options.hpp"

namespace raftbus {

class ReplicaLog {
public:
    // `applied`: what the state machine held at start; everything up to it is committed. `clock`:
    // the newest time that it had applied. `configured`: the last configuration that it had.
    ReplicaLog(Context& context, const RaftOptions& options, const RecoveredLog& recovered,
               LogIndex applied, WallTime clock, const StoredConfiguration& configured);

    const LogTail& tail() const { return tail_; }
    EntryId last() const { return tail_.last(); }
    const Configurations& configurations() const { return configurations_; }
    // The configuration that is committed for certain.
    const Configurations::Entry& committed_configuration() const {
        return configurations_.at(commit_);
    }
    // Up to here the log is on disk; never above last().
    LogIndex durable() const;
    LogIndex commit() const { return commit_; }
    std::uint64_t uncommitted_bytes() const { return uncommitted_.bytes(); }
    bool out_of_space() const { return out_of_space_; }
    // The disk answers: no request has been waiting for longer than `limit`.
    bool storage_answers(Duration limit) const;

    // The newest time in this log, or in the state. What was cut does not count: its leader's clock
    // may have been faster than that of the one who was believed.
    WallTime newest_time() const { return newest_time_; }
    // The time that the state waits for, as it said last.
    std::optional<WallTime> due() const { return due_; }
    // What the state machine said last of its state; none: nothing yet.
    const std::optional<StateDigest>& state() const { return state_; }

    // Adds a batch to the tail; storage gets it at the next flush(). A configuration is in force
    // from now on.
    void append(Batch batch);
    // Cuts the log before `index`, which must be above the commit index, and tells storage at once.
    void cut_from(LogIndex index);
    // Hands storage what was appended since, in one request.
    void flush();
    // Raises the commit index; lower values change nothing. At most last().
    void commit_to(LogIndex index);
    // Feeds the state machine what is both committed and durable, within its credit, and lets go of
    // what memory need not hold. Called after every burst.
    void feed_state_machine();

    void on(const Appended& done);
    void on(const AppendRefused& refused);
    void on(const Applied& applied);
    // True if the read was this object's own.
    bool on(const LogRead& read);

    // Asks storage for older batches; the answer bears the number that is returned.
    StorageRequest read_for_peer(LogIndex from, std::uint64_t bytes_max);
    // The state machine has everything up to `flushed.index` on disk: storage may forget it.
    void on(const Flushed& flushed);
    void on(const Compacted& compacted);

    // The state can not be read, and has `applied`: it is fed nothing until a snapshot takes its place.
    void state_damaged(LogIndex applied) { state_wanted_ = std::max(applied, LogIndex(1)); }
    // The state is damaged, and needs a snapshot up to here at least; 0: it is not.
    LogIndex state_wanted() const { return state_wanted_; }
    // A snapshot up to `last` brings the state forward, or makes it whole.
    bool needs_snapshot(LogIndex last) const {
        return state_wanted_ ? last >= state_wanted_ : last > commit_;
    }

    // The state machine puts a snapshot that is here as a whole in its state's place. Until it has,
    // it is fed nothing.
    void install(const SnapshotName& snapshot);
    const std::optional<SnapshotName>& installing() const { return installing_; }
    // It has, or could not. What the log holds up to the snapshot's last entry is needless then; if
    // it holds another entry there, or none, all of it is.
    void on(const StateInstalled& installed);

    // Tries again to write what there was no room for. Called from time to time.
    void retry_after_refusal();

private:
    StorageRequest next_request() { return last_request_ = last_request_.next(); }
    void send_unsent();
    void make_room();
    void maybe_has_space();
    void send_to_storage(AnyMessage message);
    void hand_over(std::vector<Batch> batches, LogIndex limit);
    void restart_after(EntryId entry);

    Context& context_;
    const RaftOptions& options_;
    StorageRequest last_request_;

    LogTail tail_;
    Configurations configurations_;
    DurableMark mark_;
    LogIndex unsent_from_;  // entries from here on are in the tail but not with storage
    bool out_of_space_ = false;
    Moment asked_for_room_;
    LogIndex commit_;
    ByteWindow uncommitted_;
    WallTime clock_;  // of the state, as it said last
    WallTime newest_time_;
    std::optional<WallTime> due_;
    std::optional<StateDigest> state_;

    LogIndex state_wanted_;
    LogIndex handed_;  // the state machine has been sent everything up to here
    ByteWindow applying_;
    std::optional<SnapshotName> installing_;
    std::optional<StorageRequest> reading_;  // committed batches that memory does not hold
};

}  // namespace raftbus
