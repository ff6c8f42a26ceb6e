// sim_node: one machine: a disk, a clock, and a process on it while it runs: the production actors,
// each busy for a while with what came in, so that more comes in meanwhile.
//
// Owns: what of a node survives its process; the process; what waits for its actors. Must not know:
// what the messages mean, other nodes, rules.
//
// Storage's burst happens at once, but takes as long as its disk says: until then storage is busy,
// its answers are not sent, and a crash finds its writes unfinished (sim_disk).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "actors/actor.hpp"
#include "actors/election.hpp"
#include "actors/gateway.hpp"
#include "actors/options.hpp"
#include "actors/replicator.hpp"
#include "actors/state_machine.hpp"
#include "actors/storage.hpp"
#include "sim/node_clock.hpp"
#include "sim/sim_base.hpp"
#include "sim/sim_context.hpp"
#include "sim/sim_disk.hpp"
#include "sim/world.hpp"

namespace raftbus::sim {

struct NodeOptions {
    RaftOptions raft;
    GatewayOptions gateway;
    std::uint64_t segment_bytes = 64 << 10;
    std::uint64_t keep_bytes = 1 << 20;  // of the log, when the state is flushed
    std::uint64_t keep_entries = 1'000'000;
    KvLayersOptions state{.flush_bytes = 1 << 20, .replay_bytes = 16 << 10};
    std::uint64_t past_piece_bytes = StateMachine::kPastPieceBytes;  // for watches
};

class SimNode final : public Happening {
public:
    enum class State : std::uint8_t {
        down,
        starting,  // reads and mends its log
        up,
        paused,   // stands still as a whole; its clock goes on
        refused,  // would not start: refusal() says why
    };

    // `options` and `world` outlive the node. It is down.
    SimNode(World& world, NodeId id, const NodeOptions& options, std::uint64_t seed);
    ~SimNode();

    NodeId id() const { return id_; }
    State state() const { return state_; }
    bool alive() const { return process_ != nullptr; }
    bool runs() const { return state_ == State::up; }
    const std::string& refusal() const { return refusal_; }
    // How often it was started.
    std::uint64_t life() const { return life_; }

    // ---- what befalls it

    // Starts the process, which is not alive (CHECKed).
    void boot();
    // The process ends at once; what it has written stays as Crash says, or, for none, as the
    // operating system has it.
    void die(std::optional<Crash> power_loss, std::uint64_t seed, std::string_view why);
    // The process ends in good order.
    void stop();
    // While it is not alive: everything is gone but the term, which is this one now.
    void empty(Term term);
    void pause();
    void resume();
    SimDisk& disk() { return disk_; }
    NodeClock& clock() { return clock_; }
    const NodeClock& clock() const { return clock_; }

    // ---- for whoever moves a world by hand

    // Hands the actor the oldest letter of this pipe, as if it had just come.
    void deliver(Mail::PipeNumber pipe);
    // Hands it over and leaves it in the pipe as well.
    void deliver_copy(Mail::PipeNumber pipe);
    // Fires a timer, whatever time it is. False: it does not run.
    bool fire(ActorName actor, TimerId timer);

    // ---- what can be seen; the actors only while the process is alive

    const Election& election() const;
    const Replicator& replicator() const;
    const KvState& kv() const;
    KvState& kv();
    Log& log();
    const NodeOptions& options() const { return options_; }
    World& world() { return world_; }

    // ---- for its contexts and the world

    void happen(std::uint32_t what, std::uint64_t which) override;
    void expect_letter(Moment due, Mail::PipeNumber pipe);
    void expect_stray(Moment due, std::uint64_t number, ActorName receiver);
    // When a message that the actor sends now goes out: storage's once its disk is done.
    Moment leaves_at(ActorName actor) const;
    void start_timer(ActorName actor, TimerId id, std::uint32_t setting, Duration after);
    void start_job(ActorName actor, JobId id, std::function<void()> work);
    std::uint64_t next_trace_sequence() { return ++traced_; }

private:
    enum class Todo : std::uint8_t { letter, stray, timer, job, wake, start, fail };
    struct Waiting {
        Todo todo;
        std::uint64_t which;
    };
    struct Slot;
    struct Process;

    static std::uint32_t what(Todo todo, ActorName actor);
    std::uint64_t of_this_life(std::uint64_t which) const;
    Slot& slot(ActorName actor);
    LogOptions log_options() const;
    void open_process();
    void fail(const DiskFailed& failed);
    void die_of_failure();
    void bury(std::string_view why);
    void drop_waiting();
    void start_actors();
    void arrive(ActorName actor, Waiting waiting);
    void wake_later(ActorName actor);
    void run_waiting(ActorName actor);
    void handle(ActorName actor, Waiting waiting);
    void take(ActorName actor, const Opened& letter);
    void drain(ActorName actor);
    template <class Step>
    void guarded(ActorName actor, Step step);

    World& world_;
    const NodeId id_;
    const NodeOptions& options_;
    Random random_;
    NodeClock clock_;
    SimDisk disk_;
    std::unique_ptr<Disk> wrapped_disk_;
    std::shared_ptr<SimBase> base_;
    State state_ = State::down;
    std::string refusal_;
    std::string failure_;  // of the disk, which ends the process in a moment; empty: none
    std::uint64_t life_ = 0;
    std::uint64_t traced_ = 0;
    std::unique_ptr<Process> process_;
};

std::string_view to_string(SimNode::State state);

}  // namespace raftbus::sim
