// sim_context: an actor's door to a simulated world.
//
// Owns: the numbers of the actor's messages, what is being handled, the actor's timers.
#pragma once

#include <vector>

#include "actors/context.hpp"
#include "sim/world.hpp"

namespace raftbus::sim {

class SimContext final : public Context {
public:
    SimContext(World& world, SimNode& node, ActorName actor, std::uint64_t seed);

    // ---- for the node that runs the actor

    void begin_message(const Envelope& envelope);
    // A timer, a job, the start.
    void begin_event();
    void trace_handled(const Opened& letter);

    // True if the timer still runs as it was set then; it does not any more.
    bool fire(TimerId id, std::uint32_t setting);
    // The same, however it was set.
    bool fire(TimerId id);

    // ---- Context

    Address self() const override { return self_; }
    void send(Address to, AnyMessage message) override;
    void set_timer(TimerId id, Duration after) override;
    void cancel_timer(TimerId id) override;
    Moment now() const override;
    WallTime wall_time() const override;
    std::uint64_t random(std::uint64_t bound) override { return random_.below(bound); }
    void run_in_background(JobId id, std::function<void()> work) override;
    void log(LogLevel level, std::string_view text) override;
    bool traced() const override;
    void mark(RequestId request, std::string_view text) override;
    void serve(RequestId request) override { request_ = request; }
    void answering(const Envelope& envelope) override;

private:
    struct Setting {
        TimerId id;
        std::uint32_t number;  // of how often it was set
        bool running;
    };
    Setting& setting(TimerId id);
    TraceEvent new_event(TraceKind kind) const;
    void trace(TraceKind kind, const Envelope& envelope, const AnyMessage& message, Moment sent);

    World& world_;
    SimNode& node_;
    const Address self_;
    Random random_;
    std::uint64_t sent_ = 0;
    MessageId handled_;
    MessageId cause_;
    RequestId request_;
    std::vector<Setting> timers_;
};

}  // namespace raftbus::sim
