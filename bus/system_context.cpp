#include "bus/system_context.hpp"

#include "bus/clock.hpp"
#include "messages/text.hpp"

namespace raftbus {

SystemContext::SystemContext(Shared& shared, WorkerParts parts, ActorName actor)
    : shared_(shared),
      parts_(parts),
      self_(shared.address(actor)),
      random_(splitmix(shared.seed) ^ static_cast<std::uint64_t>(actor)),
      now_(steady_now()) {}

void SystemContext::begin_message(const Envelope& envelope, const AnyMessage& message) {
    now_ = steady_now();
    handled_ = cause_ = envelope.id();
    request_ = envelope.request;
    parts_.recorder.record({.when = now_,
                            .kind = FlightKind::handled,
                            .actor = self_.actor,
                            .other = envelope.from,
                            .type = static_cast<std::uint32_t>(message.index()),
                            .term = term_of(message),
                            .number = envelope.number,
                            .cause = envelope.cause,
                            .request = envelope.request.number});
    if (traced()) trace_message(TraceKind::handled, envelope, message);
}

void SystemContext::begin_timer(TimerId id) {
    begin_event();
    parts_.recorder.record(
        {.when = now_, .kind = FlightKind::timer, .actor = self_.actor, .type = id});
}

void SystemContext::begin_job(JobId id) {
    begin_event();
    parts_.recorder.record(
        {.when = now_, .kind = FlightKind::job, .actor = self_.actor, .type = id});
}

void SystemContext::begin_event() {
    now_ = steady_now();
    handled_ = cause_ = {};
    request_ = {};
}

void SystemContext::begin_drained() {
    now_ = steady_now();
}

void SystemContext::send(Address to, AnyMessage message) {
    if (shared_.failed.load(std::memory_order_acquire)) return;
    const Envelope envelope{.from = self_,
                            .to = to,
                            .number = ++sent_,
                            .cause = cause_,
                            .request = request_,
                            .sent = wall_now()};
    parts_.recorder.record({.when = now_,
                            .kind = FlightKind::sent,
                            .actor = self_.actor,
                            .other = to,
                            .type = static_cast<std::uint32_t>(message.index()),
                            .term = term_of(message),
                            .number = envelope.number,
                            .cause = cause_,
                            .request = request_.number});
    if (traced()) trace_message(TraceKind::sent, envelope, message);
    parts_.post->send(envelope, message);
}

void SystemContext::set_timer(TimerId id, Duration after) {
    CHECK(after >= Duration::zero());
    parts_.timers.set(self_.actor, id, now_ + after);
}

void SystemContext::cancel_timer(TimerId id) {
    parts_.timers.cancel(self_.actor, id);
}

WallTime SystemContext::wall_time() const {
    return wall_now();
}

void SystemContext::run_in_background(JobId id, std::function<void()> work) {
    shared_.jobs.submit({parts_.index, self_.actor, id, std::move(work)});
}

void SystemContext::log(LogLevel level, std::string_view text) {
    shared_.log.write(level, self_.actor, text);
}

void SystemContext::answering(const Envelope& envelope) {
    cause_ = envelope.id();
    request_ = envelope.request;
}

TraceEvent SystemContext::new_event(TraceKind kind) const {
    TraceEvent event;
    event.node = self_.node;
    event.sequence = shared_.tracing.next_sequence();
    event.wall = wall_now();
    event.steady_us = steady_now().time_since_epoch().count();
    event.kind = kind;
    event.actor = self_.actor;
    return event;
}

void SystemContext::trace_message(TraceKind kind, const Envelope& envelope,
                                  const AnyMessage& message) {
    if (parts_.trace == nullptr) return;
    TraceEvent event = new_event(kind);
    event.other = kind == TraceKind::sent ? envelope.to : envelope.from;
    event.type = name_of(message.index());
    event.term = term_of(message);
    event.message = envelope.id();
    event.cause = envelope.cause;
    event.request = envelope.request;
    event.bytes = body_bytes(message);
    if (kind == TraceKind::handled) event.took_us = event.wall.value - envelope.sent.value;
    event.text = to_text(message);
    parts_.trace->publish(event);
}

void SystemContext::mark(RequestId request, std::string_view text) {
    if (!traced() || parts_.trace == nullptr) return;
    TraceEvent event = new_event(TraceKind::mark);
    event.other = self_;
    event.type = "Mark";
    event.message = handled_;
    event.cause = handled_;
    event.request = request;
    event.text = text;
    parts_.trace->publish(event);
}

}  // namespace raftbus
