// backup_server: hands out a backup of the state piece by piece, to whoever asks for it.
//
// Owns: the one backup that is being read: made when it is asked for, of what is flushed for it,
// and dropped when nobody has read on for a while; the questions that wait. Files are read in the
// background.
// Must not know: who reads it, the state, when it is flushed.
// Sends: BackupRead (whoever asked).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "actors/context.hpp"
#include "actors/timer.hpp"
#include "storage/snapshot.hpp"

namespace raftbus {

class BackupServer {
public:
    using Make = std::function<std::function<std::shared_ptr<Snapshot>()>()>;

    // `make` begins a snapshot of what is flushed (KvState::begin_snapshot). Both jobs and the
    // timer are this object's own.
    BackupServer(Context& context, Make make, JobId make_job, JobId read_job, TimerId idle_timer);

    // Answers, or keeps it until it can be answered.
    void on(const ReadBackup& read, const Envelope& envelope);

    // A backup is to be begun: what is applied has to be flushed for it.
    bool wants_flush() const { return asked_ && !covered_; }
    // What is applied now, with this digest and clock, is what the next flushed() is about.
    void flushing(std::uint64_t digest, WallTime clock);
    // It is on the disk, and nothing newer is.
    void flushed();
    // It never will be: the state has been replaced.
    void flush_lost();
    // The state is damaged: so is what was made of it.
    void drop();

    // True if the job was this object's.
    bool on_job_done(JobId job);
    // What of the state could not be read, when a job has found out; empty: nothing. Told once.
    std::string take_damage() { return std::exchange(damage_, {}); }
    void on_timer(TimerId timer);

private:
    struct Asked {
        Envelope envelope;
        ReadBackup read;
    };
    struct Covered {
        std::uint64_t digest;
        WallTime clock;
    };
    // Shared with the job that works on it.
    struct Reading {
        Asked asked;
        BackupPiece piece;
        std::string damage;
    };
    struct Made {
        std::shared_ptr<Snapshot> snapshot;
        std::string damage;
    };
    void begin(Asked asked);
    bool in_use() const;
    void read_next();
    void answer(const Asked& asked, std::variant<BackupPiece, NoBackup> outcome);

    Context& context_;
    const Make make_;
    const JobId make_job_;
    const JobId read_job_;
    std::optional<Asked> asked_;      // who waits for a new one
    std::optional<Covered> covered_;  // it will hold this; none: the flush for it is not begun
    bool making_ = false;
    std::shared_ptr<Made> made_;
    std::string damage_;
    bool dropped_ = false;  // what the job under way works on
    std::shared_ptr<Snapshot> snapshot_;  // null: none is there
    BackupPiece head_;                    // what its pieces have in common
    bool read_to_its_end_ = false;
    Moment asked_at_;  // for a piece of it
    std::deque<Asked> waiting_;
    std::shared_ptr<Reading> reading_;  // null: no piece is being read
    Timer idle_;
};

}  // namespace raftbus
