// system_context: an actor's door to the world on a real machine.
//
// Owns: the envelope's number, cause and request; the actor's random numbers; what goes into the
// flight recorder and the trace. Used by the thread of the actor's worker alone.
#pragma once

#include <memory>

#include "actors/context.hpp"
#include "bus/flight_recorder.hpp"
#include "bus/post.hpp"
#include "messages/random.hpp"
#include "bus/shared.hpp"
#include "bus/timers.hpp"

namespace raftbus {

// The parts of a worker that its actors' contexts use.
struct WorkerParts {
    std::size_t index;  // of the worker
    Timers& timers;
    FlightRecorder& recorder;
    const std::unique_ptr<Post>& post;  // made before the worker starts
    TraceOutlet* const& trace;          // null: the node has no trace port
};

class SystemContext final : public Context {
public:
    SystemContext(Shared& shared, WorkerParts parts, ActorName actor);

    // ---- for the worker: what is about to be handled
    void begin_message(const Envelope& envelope, const AnyMessage& message);
    void begin_timer(TimerId id);
    void begin_job(JobId id);
    // Something that no message caused: a start, a connection, a client's frame.
    void begin_event();
    // on_drained: cause and request stay what they were.
    void begin_drained();

    // ---- Context
    Address self() const override { return self_; }
    void send(Address to, AnyMessage message) override;
    void set_timer(TimerId id, Duration after) override;
    void cancel_timer(TimerId id) override;
    Moment now() const override { return now_; }
    WallTime wall_time() const override;
    std::uint64_t random(std::uint64_t bound) override { return random_.below(bound); }
    void run_in_background(JobId id, std::function<void()> work) override;
    void log(LogLevel level, std::string_view text) override;
    bool traced() const override { return shared_.tracing.on(); }
    void mark(RequestId request, std::string_view text) override;
    void serve(RequestId request) override { request_ = request; }
    void answering(const Envelope& envelope) override;

private:
    TraceEvent new_event(TraceKind kind) const;
    void trace_message(TraceKind kind, const Envelope& envelope, const AnyMessage& message);

    Shared& shared_;
    const WorkerParts parts_;
    const Address self_;
    Random random_;
    std::uint64_t sent_ = 0;  // messages so far
    Moment now_;
    MessageId handled_;  // being handled, or handled last
    MessageId cause_;
    RequestId request_;
};

}  // namespace raftbus
