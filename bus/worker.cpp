#include "bus/worker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bus/clock.hpp"
#include "bus/thread.hpp"
#include "messages/text.hpp"

namespace raftbus {

struct Worker::Slot {
    Slot(Shared& shared, WorkerParts parts, ActorName actor, Mailbox::Deliver deliver)
        : name(actor),
          context(shared, parts, actor),
          mailbox(shared.zmq, actor, std::move(deliver)) {}

    ActorName name;
    SystemContext context;
    Mailbox mailbox;
    std::unique_ptr<Actor> actor;
    bool touched = false;  // was given something since it was last drained
    bool busy = false;     // one of its handlers runs
};

Worker::Worker(Shared& shared, std::size_t index, const WorkerSpec& spec)
    : shared_(shared),
      index_(index),
      name_(spec.name),
      recorder_(shared.config.id),
      wakeup_([this] {
          if (woken_) woken_();
      }),
      jobs_(shared.zmq, index, [this](ActorName actor, JobId id) { job_done(actor, id); }) {
    sources_.add(wakeup_, static_cast<int>(Rank::control));
    sources_.add(jobs_, static_cast<int>(Rank::control));
}

Worker::~Worker() {
    end();
    join();
}

Context& Worker::prepare(ActorName actor) {
    auto& slot = slots_[static_cast<std::size_t>(actor)];
    CHECK(!slot, "an actor lives once in a node");
    // The post is made later, when all mailboxes are there; contexts know it by reference.
    slot = std::make_unique<Slot>(shared_, WorkerParts{index_, timers_, recorder_, post_, trace_},
                                  actor,
                                  [this](const Delivery& d) { deliver(d.envelope, d.message); });
    sources_.add(slot->mailbox, rank_of(actor), actor);
    return slot->context;
}

void Worker::adopt(ActorName actor, std::unique_ptr<Actor> object) {
    served(actor).actor = std::move(object);
}

void Worker::add(Source& source, Rank rank) {
    sources_.add(source, static_cast<int>(rank));
}

void Worker::open_post() {
    post_ = std::make_unique<Post>(shared_, *this);
}

void Worker::start() {
    thread_ = std::thread([this] { run(); });
}

void Worker::end() noexcept {
    ending_.store(true, std::memory_order_release);
    wakeup_.wake();
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
}

Worker::Slot& Worker::served(ActorName actor) {
    const auto& found = slot(actor);
    CHECK(found, "the actor lives on another worker");
    return *found;
}

void Worker::expect(ActorName actor) {
    served(actor).mailbox.expect();
}

void Worker::run() {
    enter_thread("raftbus-" + name_);
    const std::vector<int>& cpus = shared_.config.threads.cpus;
    if (!cpus.empty() && !pin_thread(cpus[index_ % cpus.size()]))
        shared_.log.write(LogLevel::warning, ActorName::bus,
                          fmt::format("thread {} can not be kept on processor {}: it runs on any",
                                      name_, cpus[index_ % cpus.size()]));
    try {
        run_actors();
    } catch (const std::exception& error) {
        fail(error);
    }
}

void Worker::run_actors() {
    for (const auto& slot : slots_) {
        if (!slot) continue;
        handling_ = slot.get();
        slot->context.begin_event();
        slot->actor->start();
        slot->touched = true;
    }
    for (;;) {
        round();
        if (ending_.load(std::memory_order_acquire)) return;
        sleep();
    }
}

void Worker::round() {
    fire_timers();
    for (const auto& entry : sources_.entries()) {
        if (ending_.load(std::memory_order_acquire)) return;
        visit(*entry);
    }
}

void Worker::visit(ReadyList::Entry& entry) {
    Source& source = *entry.source;
    if (source.ready()) {
        if (!entry.actor) begin_bus_event();
        source.set_ready(false);  // until something happens while it is being taken, or is left
        if (source.take(kBurst)) source.set_ready(true);
    }
    if (!entry.actor) return;
    Slot& slot = served(*entry.actor);
    if (!slot.touched) return;
    slot.touched = false;
    handling_ = &slot;
    slot.context.begin_drained();
    gauge_.begin(slot.context.now(), slot.name, TurnKind::drained);
    slot.actor->on_drained();
}

void Worker::begin_bus_event() {
    if (const auto& bus = slot(ActorName::bus)) {
        handling_ = bus.get();
        bus->context.begin_event();
        gauge_.begin(bus->context.now(), ActorName::bus, TurnKind::message);
    }
}

void Worker::fire_timers() {
    const Moment now = steady_now();
    for (std::size_t i = 0; i < kBurst; ++i) {
        const auto due = timers_.take(now);
        if (!due) return;
        Slot& slot = served(due->actor);
        handling_ = &slot;
        slot.context.begin_timer(due->id);
        gauge_.begin(slot.context.now(), slot.name, TurnKind::timer, due->id);
        slot.actor->on_timer(due->id);
        slot.touched = true;
    }
}

void Worker::job_done(ActorName actor, JobId id) {
    Slot& slot = served(actor);
    handling_ = &slot;
    slot.context.begin_job(id);
    gauge_.begin(slot.context.now(), actor, TurnKind::job, id);
    slot.actor->on_job_done(id);
    slot.touched = true;
}

bool Worker::deliver(const Envelope& envelope, const AnyMessage& message) {
    Slot& slot = served(envelope.to.actor);
    CHECK(!slot.busy, "an actor handles one message at a time");
    Slot* const outer = handling_;
    handling_ = &slot;
    slot.busy = true;
    slot.touched = true;
    slot.context.begin_message(envelope, message);
    gauge_.begin(slot.context.now(), slot.name, TurnKind::message,
                 static_cast<std::uint32_t>(message.index()));
    const bool taken = slot.actor->receive(envelope, message);
    slot.busy = false;
    handling_ = outer;
    // What the bus tells of, it tells to whoever wants to know. Among actors it would be a bug.
    const bool optional =
        envelope.from.node != shared_.config.id || envelope.from.actor == ActorName::bus;
    CHECK(taken || optional,
          fmt::format("{} takes no {}", to_text(envelope.to), name_of(message.index())));
    return taken;
}

void Worker::sleep() {
    for (const auto& slot : slots_)
        if (slot && slot->touched) return;
    if (sources_.any_ready()) return;
    gauge_.end(steady_now());
    std::optional<Duration> limit;
    if (const auto next = timers_.next()) limit = *next - steady_now();
    if (limit && *limit <= Duration::zero()) return;
    const Duration spin = shared_.config.threads.spin;
    if (spin > Duration::zero() && something_within(std::min(spin, limit.value_or(spin)))) return;
    if (limit) *limit = std::max(*limit - spin, Duration::zero());
    sources_.wait(limit);
}

// Asks again and again for that long. True: a source is ready, or the worker is to end.
bool Worker::something_within(Duration limit) {
    const Moment end = steady_now() + limit;
    do {
        if (sources_.wait(Duration::zero()) || ending_.load(std::memory_order_acquire)) return true;
    } while (steady_now() < end);
    return false;
}

void Worker::fail(const std::exception& error) {
    Failure failure{.what = error.what()};
    if (handling_ != nullptr) {
        failure.actor = handling_->name;
        failure.state = handling_->actor->describe();
    }
    shared_.fail(failure);
}

}  // namespace raftbus
