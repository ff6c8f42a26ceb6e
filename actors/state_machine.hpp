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
    // flushes.
    StateMachine(Context& context, KvState& state);

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
    std::size_t waiting() const { return waiting_.size(); }
    const Watches& watches() const { return watches_; }

private:
    struct WaitingRead {
        Envelope envelope;
        ReadState read;
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
    struct Flush {
        std::string damage;
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
    void answer(const ReadState& read, const Envelope& envelope);
    void answer_waiting();
    void expect(std::span<const Query> queries);
    Answer answer_to(const Query& query);
    void answer(const DigestWitness::Answer& answer);
    void tell_judged();
    void damaged(const std::string& what);
    void apply_one(const Batch& batch, OutcomesReady& ready);

    Context& context_;
    KvState& state_;
    std::multimap<LogIndex, WaitingRead> waiting_;  // by the index they wait for, then as they came

    std::uint64_t answered_bytes_ = 0;  // in this burst
    Timer more_;                        // goes on answering in the next one
    DigestWitness witness_;

    std::optional<StateDamage> damage_;  // nothing is applied, read or flushed until it is replaced
    std::shared_ptr<Flush> flush_;       // null: none is under way
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
    std::vector<Watch> watches_due_;  // asked for while the state is being replaced
    StorageRequest last_request_;     // of reading the log for watches
};

}  // namespace raftbus
