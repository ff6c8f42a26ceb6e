#include "sim/sim_node.hpp"

#include "messages/text.hpp"
#include "storage/startup.hpp"

namespace raftbus::sim {
namespace {

constexpr std::array kActors{ActorName::storage, ActorName::replicator, ActorName::election,
                             ActorName::state_machine, ActorName::gateway};
constexpr std::size_t kBurst = 64;

}  // namespace

// An actor and what waits for it.
struct SimNode::Slot {
    Slot(World& world, SimNode& node, ActorName name, std::uint64_t seed)
        : context(world, node, name, seed) {}

    SimContext context;
    std::unique_ptr<Actor> actor;
    Moment busy_until;
    bool wakes = false;  // will be woken
    std::vector<Waiting> waiting;
};

struct SimNode::Process {
    std::unique_ptr<Log> log;
    std::unique_ptr<KvState> state;
    GatewayOptions gateway;
    std::array<std::unique_ptr<Slot>, kActorCount> slots;
    std::vector<std::pair<JobId, std::function<void()>>> jobs;  // by number
    Moment jobs_until;
};

SimNode::SimNode(World& world, NodeId id, const NodeOptions& options, std::uint64_t seed)
    : world_(world),
      id_(id),
      options_(options),
      random_(seed),
      base_(std::make_shared<SimBase>([this] { return disk_.room_for_flush(); })) {
    if (Tamper* tamper = world.tamper()) wrapped_disk_ = tamper->wrap(id, disk_);
}

SimNode::~SimNode() = default;

// ---- life and death

void SimNode::boot() {
    CHECK(!alive());
    if (state_ == State::starting) return;  // and about to fail
    ++life_;
    refusal_.clear();
    failure_.clear();
    state_ = State::starting;
    disk_.begin(std::max(world_.schedule().now(), disk_.busy_until()));
    try {
        open_process();
    } catch (const DiskFailed& failed) {
        return fail(failed);
    }
    if (!refusal_.empty()) {
        state_ = State::refused;
        process_.reset();
        return;
    }
    world_.on_starting(*this);
    if (world_.runs_by_itself())
        world_.schedule().add(disk_.busy_until(), *this, what(Todo::start, ActorName::bus),
                              of_this_life(0));
    else
        start_actors();
}

LogOptions SimNode::log_options() const {
    return {.identity = id_.value,
            .segment_bytes = options_.segment_bytes,
            .keep_bytes = options_.keep_bytes,
            .keep_entries = options_.keep_entries};
}

void SimNode::open_process() {
    Disk& disk = wrapped_disk_ ? *wrapped_disk_ : disk_;
    auto opened = Log::open(disk, log_options());
    if (!opened) {
        refusal_ = opened.error().message;
        return;
    }
    auto process = std::make_unique<Process>();
    process->log = std::move(*opened);
    process->state = std::make_unique<KvLayers>(base_, options_.state);
    if (Tamper* tamper = world_.tamper())
        process->state = tamper->wrap(id_, std::move(process->state));
    if (const Status together = bring_together(*process->log, *process->state); !together) {
        refusal_ = together.error().message;
        return;
    }
    const RecoveredLog& recovered = process->log->recovered();
    process->gateway = options_.gateway;
    process->gateway.incarnation = random_.below(0xffff) + 1;
    for (ActorName name : kActors)
        process->slots[static_cast<std::size_t>(name)] =
            std::make_unique<Slot>(world_, *this, name, random_.next());
    process_ = std::move(process);
    const auto context = [&](ActorName name) -> Context& { return slot(name).context; };
    slot(ActorName::storage).actor =
        std::make_unique<Storage>(context(ActorName::storage), *process_->log);
    slot(ActorName::replicator).actor = std::make_unique<Replicator>(
        context(ActorName::replicator), options_.raft, recovered, process_->state->applied().index,
        process_->state->clock(), process_->state->configuration());
    slot(ActorName::election).actor = std::make_unique<Election>(
        context(ActorName::election), options_.raft, recovered.hard_state);
    slot(ActorName::state_machine).actor =
        std::make_unique<StateMachine>(context(ActorName::state_machine), *process_->state,
                                       options_.past_piece_bytes);
    slot(ActorName::gateway).actor =
        std::make_unique<Gateway>(context(ActorName::gateway), process_->gateway);
}

void SimNode::start_actors() {
    state_ = State::up;
    for (ActorName name : kActors) {
        guarded(name, [&] {
            slot(name).context.begin_event();
            slot(name).actor->start();
        });
        drain(name);
        if (!alive()) return;
    }
    for (ActorName name : kActors)
        if (!slot(name).waiting.empty()) wake_later(name);
    world_.on_up(*this);
}

void SimNode::die(std::optional<Crash> power_loss, std::uint64_t seed, std::string_view why) {
    const Moment now = world_.schedule().now();
    if (power_loss)
        disk_.crash(now, *power_loss, seed);
    else
        disk_.kill(now);
    bury(why);
}

// As bus and process do at an orderly stop: storage has finished what it was at.
void SimNode::stop() {
    if (!failure_.empty()) return;  // it ends all the same
    disk_.begin(world_.schedule().now());
    process_->log->seal();
    disk_.kill();
    bury("stops");
}

// The disk fails when it has got that far, and ends the process then.
void SimNode::fail(const DiskFailed& failed) {
    failure_ = failed.what();
    if (process_) slot(ActorName::storage).busy_until = Moment::max();
    if (!world_.runs_by_itself()) return die_of_failure();
    world_.schedule().add(disk_.busy_until(), *this, what(Todo::fail, ActorName::bus),
                          of_this_life(0));
}

void SimNode::die_of_failure() {
    disk_.kill(std::max(world_.schedule().now(), disk_.busy_until()));
    bury("ends: " + failure_);
}

void SimNode::empty(Term term) {
    disk_.begin(std::max(world_.schedule().now(), disk_.busy_until()));
    for (const std::string& name : disk_.list()) disk_.remove(name);
    base_ = std::make_shared<SimBase>();
    const auto log = Log::open(disk_, log_options());
    CHECK(log.ok() && (*log)->stage(HardState{term, NodeId()}), "an empty disk has room");
    (*log)->sync();
    disk_.kill();
}

void SimNode::bury(std::string_view why) {
    const Moment now = world_.schedule().now();
    if (process_) drop_waiting();
    process_.reset();
    failure_.clear();
    world_.mail().drop(id_, id_);
    state_ = State::down;
    if (Watcher* watcher = world_.watcher())
        watcher->on_event(now, to_text(id_) + " " + std::string(why));
    world_.on_down(*this);
}

// What had reached the process is lost with it.
void SimNode::drop_waiting() {
    for (const ActorName actor : kActors)
        for (const Waiting& waiting : slot(actor).waiting) {
            if (waiting.todo == Todo::letter) world_.mail().take(waiting.which, Moment::max());
            if (waiting.todo == Todo::stray) world_.mail().take_stray(waiting.which);
        }
}

void SimNode::pause() {
    if (state_ == State::up) state_ = State::paused;
}

void SimNode::resume() {
    if (state_ != State::paused) return;
    state_ = State::up;
    for (ActorName name : kActors)
        if (!slot(name).waiting.empty()) wake_later(name);
}

// ---- what happens to it

std::uint32_t SimNode::what(Todo todo, ActorName actor) {
    return static_cast<std::uint32_t>(todo) << 8 | static_cast<std::uint32_t>(actor);
}

// What belongs to one life of the process only. The upper 16 bits tell the life.
std::uint64_t SimNode::of_this_life(std::uint64_t which) const {
    return life_ << 48 | which;
}

void SimNode::happen(std::uint32_t what, std::uint64_t which) {
    const auto todo = static_cast<Todo>(what >> 8);
    const auto actor = static_cast<ActorName>(what & 0xff);
    const bool letter = todo == Todo::letter || todo == Todo::stray;
    if (!letter && which >> 48 != (life_ & 0xffff)) return;
    if (todo == Todo::fail) return die_of_failure();
    if (!alive()) {
        // Nobody is there to take it.
        if (todo == Todo::letter) world_.mail().take(which, world_.schedule().now());
        if (todo == Todo::stray) world_.mail().take_stray(which);
        return;
    }
    if (todo == Todo::start) return start_actors();
    if (todo == Todo::wake) {
        slot(actor).wakes = false;
        return run_waiting(actor);
    }
    arrive(actor, {todo, which & (letter ? ~0ULL : (1ULL << 48) - 1)});
}

SimNode::Slot& SimNode::slot(ActorName actor) {
    return *process_->slots[static_cast<std::size_t>(actor)];
}

void SimNode::arrive(ActorName actor, Waiting waiting) {
    Slot& receiver = slot(actor);
    const bool free = state_ == State::up && receiver.waiting.empty() &&
                      world_.schedule().now() >= receiver.busy_until;
    if (!free) {
        receiver.waiting.push_back(waiting);
        return wake_later(actor);
    }
    handle(actor, waiting);
    drain(actor);
}

void SimNode::wake_later(ActorName actor) {
    Slot& sleeper = slot(actor);
    if (state_ != State::up || std::exchange(sleeper.wakes, true)) return;
    world_.schedule().add(sleeper.busy_until, *this, what(Todo::wake, actor), of_this_life(0));
}

// What came in while the actor was busy, in any order but that of each pipe: all that is known of a
// letter that waits is its pipe.
void SimNode::run_waiting(ActorName actor) {
    if (state_ != State::up) return;
    std::vector<Waiting> burst;
    Slot& worker = slot(actor);
    for (std::size_t i = 0; i < kBurst && !worker.waiting.empty(); ++i) {
        const std::size_t drawn = random_.below(worker.waiting.size());
        burst.push_back(worker.waiting[drawn]);
        worker.waiting[drawn] = worker.waiting.back();
        worker.waiting.pop_back();
    }
    for (const Waiting& waiting : burst) handle(actor, waiting);
    drain(actor);
    if (alive() && !slot(actor).waiting.empty()) wake_later(actor);
}

// ---- steps of an actor

// A step that the disk fails under ends the process when the disk has failed, not before.
template <class Step>
void SimNode::guarded(ActorName actor, Step step) {
    const bool storage_is_done_for = actor == ActorName::storage && !failure_.empty();
    if (!alive() || storage_is_done_for) return;
    const Moment now = world_.schedule().now();
    if (actor == ActorName::storage) disk_.begin(now);
    try {
        step();
        world_.stepped(*this, actor);
    } catch (const DiskFailed& failed) {
        fail(failed);
    }
}

void SimNode::handle(ActorName actor, Waiting waiting) {
    Slot& worker = slot(actor);
    switch (waiting.todo) {
        case Todo::letter:
            if (const auto letter = world_.mail().take(waiting.which, world_.schedule().now()))
                take(actor, *letter);
            return;
        case Todo::stray:
            if (const auto letter = world_.mail().take_stray(waiting.which).second)
                take(actor, *letter);
            return;
        case Todo::timer: {
            const auto id = static_cast<TimerId>(waiting.which >> 32 & 0xffff);
            if (!worker.context.fire(id, static_cast<std::uint32_t>(waiting.which))) return;
            return guarded(actor, [&] {
                worker.context.begin_event();
                worker.actor->on_timer(id);
            });
        }
        case Todo::job: {
            const auto [id, work] = std::move(process_->jobs[waiting.which]);
            return guarded(actor, [&, id = id, work = work] {
                worker.context.begin_event();
                work();
                worker.actor->on_job_done(id);
            });
        }
        case Todo::wake:
        case Todo::start:
        case Todo::fail:
            break;
    }
    CHECK(false, "nothing else waits");
}

void SimNode::take(ActorName actor, const Opened& letter) {
    const Delivery* given = &letter.delivery;
    std::optional<Delivery> changed;
    if (Tamper* tamper = world_.tamper()) {
        changed = letter.delivery;
        given = &*changed;
        if (!tamper->on_receive(*this, changed->envelope, changed->message)) return;
    }
    world_.delivered(*this, letter);
    guarded(actor, [&] {
        const auto& [envelope, message] = *given;
        Slot& worker = slot(actor);
        worker.context.begin_message(envelope);
        worker.context.trace_handled(letter);
        const bool taken = worker.actor->receive(envelope, message);
        const bool optional = envelope.from.node != id_ || envelope.from.actor == ActorName::bus;
        CHECK(taken || optional, "actors send each other only what they take");
    });
}

void SimNode::drain(ActorName actor) {
    guarded(actor, [&] { slot(actor).actor->on_drained(); });
    if (!alive() || !failure_.empty()) return;
    const Duration work(random_.below(world_.pace().burst_max.count() + 1));
    slot(actor).busy_until = leaves_at(actor) + work;
}

Moment SimNode::leaves_at(ActorName actor) const {
    const Moment now = world_.schedule().now();
    return actor == ActorName::storage ? std::max(now, disk_.busy_until()) : now;
}

// ---- what its contexts ask for

void SimNode::expect_letter(Moment due, Mail::PipeNumber pipe) {
    world_.schedule().add(due, *this, what(Todo::letter, world_.mail().receiver(pipe).actor), pipe);
}

void SimNode::expect_stray(Moment due, std::uint64_t number, ActorName receiver) {
    world_.schedule().add(due, *this, what(Todo::stray, receiver), number);
}

void SimNode::start_timer(ActorName actor, TimerId id, std::uint32_t setting, Duration after) {
    if (!world_.runs_by_itself()) return;
    const Duration late(random_.below(world_.pace().timer_max.count() + 1));
    world_.schedule().add(world_.schedule().now() + clock_.truly(after) + late, *this,
                          what(Todo::timer, actor),
                          of_this_life(std::uint64_t(id) << 32 | setting));
}

// Jobs of one node run one after the other.
void SimNode::start_job(ActorName actor, JobId id, std::function<void()> work) {
    const Duration takes(random_.below(world_.pace().job_max.count() + 1));
    const Moment now = world_.schedule().now();
    process_->jobs_until = std::max(process_->jobs_until, now) + takes;
    process_->jobs.emplace_back(id, std::move(work));
    world_.schedule().add(process_->jobs_until, *this, what(Todo::job, actor),
                          of_this_life(process_->jobs.size() - 1));
}

// ---- by hand

void SimNode::deliver(Mail::PipeNumber pipe) {
    const auto letter = world_.mail().take(pipe, Moment::max());
    if (!letter || !alive()) return;
    const ActorName actor = world_.mail().receiver(pipe).actor;
    take(actor, *letter);
    drain(actor);
}

void SimNode::deliver_copy(Mail::PipeNumber pipe) {
    const Opened letter = world_.mail().peek(pipe);
    const ActorName actor = world_.mail().receiver(pipe).actor;
    take(actor, letter);
    drain(actor);
}

bool SimNode::fire(ActorName actor, TimerId timer) {
    if (!slot(actor).context.fire(timer)) return false;
    guarded(actor, [&] {
        slot(actor).context.begin_event();
        slot(actor).actor->on_timer(timer);
    });
    drain(actor);
    return true;
}

// ---- what can be seen

const Election& SimNode::election() const {
    return static_cast<const Election&>(
        *process_->slots[static_cast<std::size_t>(ActorName::election)]->actor);
}

const Replicator& SimNode::replicator() const {
    return static_cast<const Replicator&>(
        *process_->slots[static_cast<std::size_t>(ActorName::replicator)]->actor);
}

const KvState& SimNode::kv() const {
    return *process_->state;
}

KvState& SimNode::kv() {
    return *process_->state;
}

Log& SimNode::log() {
    return *process_->log;
}

std::string_view to_string(SimNode::State state) {
    switch (state) {
        case SimNode::State::down:
            return "down";
        case SimNode::State::starting:
            return "starting";
        case SimNode::State::up:
            return "up";
        case SimNode::State::paused:
            return "paused";
        case SimNode::State::refused:
            return "refused";
    }
    return "?";
}

}  // namespace raftbus::sim
