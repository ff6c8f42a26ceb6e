// worker: a thread and the actors that it serves.
//
// Owns: their mailboxes and timers, the order in which sources are served, and the moment at which
// an actor hears that it is drained. Must not know: what the messages mean.
//
// A round visits every source that may have something, the most urgent first, takes at most a burst
// from each, and after each mailbox tells its actor if it was given anything. The worker sleeps
// only when a round has left nothing.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "bus/ready_list.hpp"
#include "bus/system_context.hpp"
#include "bus/turn_gauge.hpp"
#include "bus/wakeup.hpp"

namespace raftbus {

// The order in which sources are served, the lowest first. Mailboxes lie at rank_of(actor).
enum class Rank : int { control = 0, peers = 10, clients = 27, rest = 40 };
constexpr int rank_of(ActorName actor) {
    return 20 + 2 * static_cast<int>(actor);
}
// What peers bring is handled before the receiver's mailbox is looked at, and so is what clients
// bring: then an actor is drained after both.
static_assert(static_cast<int>(Rank::peers) < rank_of(ActorName::election));
static_assert(static_cast<int>(Rank::clients) < rank_of(ActorName::gateway) &&
              static_cast<int>(Rank::clients) > rank_of(ActorName::state_machine));

class Worker final : public LocalActors {
public:
    static constexpr std::size_t kBurst = 64;

    Worker(Shared& shared, std::size_t index, const WorkerSpec& spec);
    ~Worker() override;

    // ---- before start
    // Makes the mailbox and the context of an actor, which adopt() then brings.
    Context& prepare(ActorName actor);
    void adopt(ActorName actor, std::unique_ptr<Actor> object);
    // Sockets of the bus itself; what they bring counts as the work of the actor `bus`.
    void add(Source& source, Rank rank);
    // The worker's way to everywhere, once the mailboxes of all workers are bound.
    void open_post();
    Post& post() { return *post_; }
    void set_trace(TraceOutlet& trace) { trace_ = &trace; }

    // ---- from any thread
    void start();
    // Has the thread end after the message that it is at.
    void end() noexcept;
    void join();
    // Calls woken() in the worker's thread. Safe in signal handlers.
    void wake() noexcept { wakeup_.wake(); }
    void on_wake(std::function<void()> woken) { woken_ = std::move(woken); }
    const FlightRecorder& recorder() const { return recorder_; }

    // ---- in the worker's own thread
    bool serves(ActorName actor) const override { return slot(actor) != nullptr; }
    bool deliver(const Envelope& envelope, const AnyMessage& message) override;
    void expect(ActorName actor) override;
    ReadyList& sources() { return sources_; }
    const Turn& longest_turn() const { return gauge_.longest(); }

private:
    struct Slot;
    const std::unique_ptr<Slot>& slot(ActorName actor) const {
        return slots_[static_cast<std::size_t>(actor)];
    }
    Slot& served(ActorName actor);

    void run();
    void run_actors();
    void round();
    void fire_timers();
    void visit(ReadyList::Entry& entry);
    void job_done(ActorName actor, JobId id);
    void begin_bus_event();
    void sleep();
    bool something_within(Duration limit);
    void fail(const std::exception& error);

    Shared& shared_;
    const std::size_t index_;
    const std::string name_;
    Timers timers_;
    FlightRecorder recorder_;
    TurnGauge gauge_;
    TraceOutlet* trace_ = nullptr;
    std::unique_ptr<Post> post_;
    std::array<std::unique_ptr<Slot>, kActorCount> slots_;
    Slot* handling_ = nullptr;  // whose code runs; stays after an exception, for the report
    std::function<void()> woken_;
    Wakeup wakeup_;
    JobInbox jobs_;
    ReadyList sources_;
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

}  // namespace raftbus
