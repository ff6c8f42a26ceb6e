// state_machine: the actor that applies what is committed, and answers reads from what it has
// applied (Raft §5.3, §8).
//
// Takes: Apply, ReadSnapshot, WriteSnapshot, InstallState, LogCut (replicator); ReadState,
//   AskReport, TakeSnapshot, ReadBackup, Watch, Unwatch, WatchOn (gateway); LogRead (storage);
//   CompareDigest, DigestVerdict (a leader's replicator).
// Sends: Applied, Flushed, SnapshotRead, SnapshotWritten, StateInstalled (replicator);
//   OutcomesReady, StateRead, BackupRead, Watching, WatchEvents, WatchEnded (gateway), StateReport
//   (whoever asked); ReadLog (storage); CompareDigestReply (a leader's replicator), StateJudged
//   (replicator, gateway).
// Owns: the state's use: what is applied, who waits for which index, when a flush runs; its
//   snapshot, and another node's that takes its place. Of watches nothing but the sending, see
//   watches.hpp.
// Must not know: why an entry is committed, who leads, what a client asked.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "actors/actor.hpp"
#include "actors/backup_server.hpp"
#include "actors/digest_witness.hpp"
#include "actors/snapshot_intake.hpp"
#include "actors/snapshot_server.hpp"
#include "actors/timer.hpp"
#include "actors/watches.hpp"
#include "storage/kv_state.hpp"

namespace raftbus {

using StateMachineInbox = std::variant<Apply, ReadState, AskReport, TakeSnapshot, ReadSnapshot,
                                       WriteSnapshot, InstallState, ReadBackup, CompareDigest,
                                       DigestVerdict, LogCut, Watch, Unwatch, WatchOn, LogRead>;

class StateMachine : public ActorOf<StateMachine, StateMachineInbox> {
public:
    // Both must outlive the actor. `state` is touched by nobody else, but for the work of its
    // flushes. `log_end`: the end of the log as it was found at start. What an earlier life of this
    // process had shown stands there, so until the state has come so far, what this node has applied
    // is not shown to those who did not ask for an index.
    StateMachine(Context& context, KvState& state, EntryId log_end = {});

    // Batches that are applied already are skipped: after a start the replicator sends the log
    // again from wherever it sees fit. Answered all the same with Applied and OutcomesReady.
    void on(const Apply& apply, const Envelope& envelope);
    void on(const ReadState& read, const Envelope& envelope);
    void on(const AskReport& ask, const Envelope& envelope);

    // Flushes what is applied, if it is not; then the log is cut, and whoever asked is told.
    // Without room on the disk it is tried again until there is some.
    void on(const TakeSnapshot& take, const Envelope& envelope);
    void on(const ReadSnapshot& read, const Envelope& envelope);
    void on(const WriteSnapshot& piece, const Envelope& envelope);
    // Nothing is applied until this is answered, and no read.
    void on(const InstallState& install, const Envelope& envelope);
    // One that begins makes the state be flushed.
    void on(const ReadBackup& read, const Envelope& envelope);

    // Digests of what is committed are facts, whoever leads: no fence is needed here.
    void on(const CompareDigest& question, const Envelope& envelope);
    void on(const DigestVerdict& verdict, const Envelope& envelope);
    void on(const LogCut& cut, const Envelope& envelope);

    void on(const Watch& watch, const Envelope& envelope);
    void on(const Unwatch& unwatch, const Envelope& envelope);
    void on(const WatchOn& on, const Envelope& envelope);
    void on(const LogRead& read, const Envelope& envelope);

    void start() override;
    void on_timer(TimerId timer) override;
    void on_drained() override;
    void on_job_done(JobId job) override;
    std::string describe() const override;

    // How many reads wait for an index to be applied. The gateway's limit of requests bounds them.
    std::size_t waiting() const { return waiting_.size() + long_.size() + early_.size(); }
    // The most work that one burst of messages took so far.
    std::uint64_t most_work() const { return most_work_; }
    const Watches& watches() const { return watches_; }

private:
    struct WaitingRead {
        Envelope envelope;
        ReadState read;
    };

    // Asked of whatever this node has applied, before the state had come back to where it was.
    struct Early {
        Envelope envelope;
        std::variant<ReadState, Watch, ReadBackup> ask;
    };

    struct WaitingReport {
        Envelope envelope;
        AskReport ask;
    };
    // Shared with the job that works on it.
    struct Installation {
        SnapshotName snapshot;
        Status result = Done{};
    };

    void report(const AskReport& ask, const Envelope& envelope);
    void maybe_flush();
    void flushed();
    void tell_flushed(std::uint64_t ask);
    void forget_flush();
    void maybe_install();
    void installed();
    void tell(Watches::News news);
    void maybe_read_log();
    void apply_queued();
    void tell_applied();
    void take_up_held();
    bool explore();
    void explored();
    void go_on();
    void go_on_later();
    bool may_answer() const;
    void answer_or_hold(const ReadState& read, const Envelope& envelope);
    bool answer(const ReadState& read, const Envelope& envelope);
    void begin_watch(const Watch& watch);
    void begin_due_watches();
    bool maybe_another_incarnation();
    void answer_waiting();
    bool settled() const;
    void maybe_settle();
    void expect(std::span<const Query> queries);
    std::optional<Answer> answer_to(const Query& query);
    void answer(const DigestWitness::Answer& answer);
    void tell_judged();

    Context& context_;
    KvState& state_;
    std::deque<Batch> to_apply_;  // bounded by the replicator's credit
    Envelope applying_;           // that brought the last of them
    bool mid_batch_ = false;      // the first of them is half done
    bool untold_ = false;         // something was applied since this was told last
    std::vector<CommandOutcome> outcomes_;  // of the first of them, so far
    OutcomesReady done_;                    // to be told
    Work apply_work_, read_work_;           // of this burst
    std::uint64_t most_work_ = 0;           // of all bursts so far
    bool exploring_ = false;                // a job runs: what could not go on waits for it
    bool apply_explores_ = false, reads_explore_ = false;
    std::deque<WaitingRead> long_;  // scans that need many turns; the first goes on
    std::multimap<LogIndex, WaitingRead> waiting_;  // by the index they wait for, then as they came

    EntryId log_end_;           // as found at start; {0, 0}: the state has come so far
    std::vector<Early> early_;  // bounded as waiting_, watches and backups are
    std::uint64_t answered_bytes_ = 0;  // in this burst
    Timer more_;                        // goes on answering in the next one
    DigestWitness witness_;

    bool flushing_ = false;
    bool room_ = true;  // on the disk, for the last flush
    Timer flush_again_;
    std::vector<std::uint64_t> asked_;           // TakeSnapshot, for the next flush
    std::vector<std::uint64_t> asked_of_flush_;  // for the one under way
    SnapshotServer server_;
    BackupServer backups_;
    SnapshotIntake intake_;
    std::optional<SnapshotName> install_due_;
    std::shared_ptr<Installation> installation_;  // null: none is under way
    std::vector<WaitingReport> reports_;          // asked for meanwhile

    Watches watches_;
    // By the index they wait for; or asked for while the state is of no index.
    std::multimap<LogIndex, Watch> watches_due_;
    std::unique_ptr<LogRead> log_read_due_;  // read while the state is of no index
    LogIndex configured_;      // the configuration that the incarnation was read from
    Incarnation incarnation_;  // of the state
    StorageRequest last_request_;     // of reading the log for watches
};

}  // namespace raftbus
