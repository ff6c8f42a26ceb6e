#include "sim/sim_context.hpp"

#include "messages/text.hpp"
#include "sim/sim_node.hpp"

namespace raftbus::sim {

SimContext::SimContext(World& world, SimNode& node, ActorName actor, std::uint64_t seed)
    : world_(world), node_(node), self_{node.id(), actor}, random_(seed) {}

void SimContext::begin_message(const Envelope& envelope) {
    handled_ = cause_ = envelope.id();
    request_ = envelope.request;
}

void SimContext::begin_event() {
    handled_ = cause_ = {};
    request_ = {};
}

void SimContext::send(Address to, AnyMessage message) {
    Envelope envelope{.from = self_,
                      .to = to,
                      .number = ++sent_,
                      .cause = cause_,
                      .request = request_,
                      .sent = wall_time()};
    if (Tamper* tamper = world_.tamper(); tamper && !tamper->on_send(node_, envelope, message))
        return;
    const Moment sent = node_.leaves_at(self_.actor);
    if (traced()) trace(TraceKind::sent, envelope, message, sent);
    world_.post(node_, envelope, message, sent);
}

SimContext::Setting& SimContext::setting(TimerId id) {
    for (Setting& timer : timers_)
        if (timer.id == id) return timer;
    return timers_.emplace_back(Setting{id, 0, false});
}

void SimContext::set_timer(TimerId id, Duration after) {
    CHECK(after >= Duration::zero());
    Setting& timer = setting(id);
    ++timer.number;
    timer.running = true;
    node_.start_timer(self_.actor, id, timer.number, after);
}

void SimContext::cancel_timer(TimerId id) {
    setting(id).running = false;
}

bool SimContext::fire(TimerId id, std::uint32_t number) {
    Setting& timer = setting(id);
    if (timer.number != number) return false;
    return std::exchange(timer.running, false);
}

bool SimContext::fire(TimerId id) {
    return std::exchange(setting(id).running, false);
}

Moment SimContext::now() const {
    return node_.clock().at(world_.schedule().now());
}

WallTime SimContext::wall_time() const {
    return node_.clock().wall_at(world_.schedule().now());
}

void SimContext::run_in_background(JobId id, std::function<void()> work) {
    node_.start_job(self_.actor, id, std::move(work));
}

void SimContext::log(LogLevel level, std::string_view text) {
    if (Watcher* watcher = world_.watcher())
        watcher->on_log(world_.schedule().now(), self_, level, text);
}

bool SimContext::traced() const {
    const Watcher* watcher = world_.watcher();
    return watcher && watcher->traces();
}

void SimContext::answering(const Envelope& envelope) {
    cause_ = envelope.id();
    request_ = envelope.request;
}

// ---- traces: with the true time, so that those of all nodes fall into one order

TraceEvent SimContext::new_event(TraceKind kind) const {
    TraceEvent event;
    event.node = self_.node;
    event.sequence = node_.next_trace_sequence();
    event.steady_us = world_.schedule().now().time_since_epoch().count();
    event.wall = WallTime(event.steady_us);
    event.kind = kind;
    event.actor = self_.actor;
    return event;
}

void SimContext::trace(TraceKind kind, const Envelope& envelope, const AnyMessage& message,
                       Moment sent) {
    TraceEvent event = new_event(kind);
    event.other = kind == TraceKind::sent ? envelope.to : envelope.from;
    event.type = name_of(message.index());
    event.term = term_of(message);
    event.message = envelope.id();
    event.cause = envelope.cause;
    event.request = envelope.request;
    event.bytes = body_bytes(message);
    if (kind == TraceKind::handled) event.took_us = (world_.schedule().now() - sent).count();
    event.text = to_text(message);
    world_.watcher()->on_trace(event);
}

void SimContext::trace_handled(const Opened& letter) {
    if (traced())
        trace(TraceKind::handled, letter.delivery.envelope, letter.delivery.message, letter.sent);
}

void SimContext::mark(RequestId request, std::string_view text) {
    if (!traced()) return;
    TraceEvent event = new_event(TraceKind::mark);
    event.other = self_;
    event.type = "Mark";
    event.message = handled_;
    event.cause = handled_;
    event.request = request;
    event.text = text;
    world_.watcher()->on_trace(event);
}

}  // namespace raftbus::sim
