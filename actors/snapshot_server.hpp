// snapshot_server: hands out the state's snapshot piece by piece, for peers that the leader feeds.
//
// Owns: the one snapshot that is being sent, made when it is first asked for and dropped when
// nobody has asked for a while; the questions that wait. Files are read in the background.
// Must not know: who gets it, the state.
// Sends: SnapshotRead (replicator).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "actors/context.hpp"
#include "actors/timer.hpp"
#include "storage/snapshot.hpp"

namespace raftbus {

class SnapshotServer {
public:
    using Make = std::function<std::function<std::shared_ptr<Snapshot>()>()>;

    // `make` begins a snapshot of what is flushed (KvState::begin_snapshot). Both jobs and the
    // timer are this object's own.
    SnapshotServer(Context& context, Make make, JobId make_job, JobId read_job, TimerId idle_timer);

    void on(const ReadSnapshot& read);
    // True if the job was this object's.
    bool on_job_done(JobId job);
    // What of the state could not be read, when a job has found out; empty: nothing. Told once.
    std::string take_damage() { return std::exchange(damage_, {}); }
    // The state is damaged: what is there of it goes, and who waits asks again.
    void drop();
    void on_timer(TimerId timer);

private:
    // Shared with the job that works on it.
    struct Piece {
        ReadSnapshot asked;
        SnapshotRead read;
        std::string damage;
    };
    struct Made {
        std::shared_ptr<Snapshot> snapshot;
        std::string damage;
    };
    void work();
    void read_next();

    Context& context_;
    const Make make_;
    const JobId make_job_;
    const JobId read_job_;
    std::shared_ptr<Snapshot> snapshot_;  // null: none is there
    SnapshotName name_;
    std::deque<ReadSnapshot> waiting_;
    bool working_ = false;
    std::shared_ptr<Made> made_;
    std::string damage_;
    bool dropped_ = false;  // what the job under way works on
    std::shared_ptr<Piece> piece_;
    Timer idle_;
};

}  // namespace raftbus
