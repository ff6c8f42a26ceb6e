#include "actors/state_machine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "messages/check.hpp"

namespace raftbus {
namespace {

using namespace std::chrono_literals;

enum StateJob : JobId {
    kFlush = 1,
    kMakeSnapshot,
    kReadSnapshot,
    kInstall,
    kLeftovers,
    kMakeBackup,
    kReadBackup,
    kExplore
};
enum StateTimer : TimerId { kSnapshotIdle = 1, kBackupIdle, kFlushAgain, kMoreAnswers };
constexpr Duration kFlushAgainAfter = 500ms;
// Of what is applied in one burst, and again of what is read: some milliseconds each.
constexpr std::uint64_t kWorkAtOnce = 60'000;
// Of one ReadLog for watches: small, so that storage is soon back at what has to be made durable,
// and this actor at what has to be applied.
constexpr std::uint64_t kPastPieceBytes = 256 << 10;

Address neighbour(const Context& context, ActorName actor) {
    return {context.self().node, actor};
}

}  // namespace

StateMachine::StateMachine(Context& context, KvState& state, EntryId log_end)
    : context_(context),
      state_(state),
      log_end_(log_end),
      apply_work_(kWorkAtOnce),
      read_work_(kWorkAtOnce),
      more_(context, kMoreAnswers),
      flush_again_(context, kFlushAgain),
      server_(
          context, [&state] { return state.begin_snapshot(); }, kMakeSnapshot, kReadSnapshot,
          kSnapshotIdle),
      backups_(
          context, [&state] { return state.begin_snapshot(); }, kMakeBackup, kReadBackup,
          kBackupIdle),
      intake_(context, [&state] { return state.receive_snapshot(); }) {}

void StateMachine::start() {
    witness_.begin(state_.applied().index, state_.digest());
    maybe_another_incarnation();
    if (state_.flushed().index) tell_flushed(0);
    maybe_settle();
}

// ---- applying

void StateMachine::on(const Apply& apply, const Envelope& envelope) {
    CHECK(!installation_ && !install_due_, "fed while its state is being replaced");
    for (const Batch& batch : apply.batches) to_apply_.push_back(batch);
    applying_ = envelope;
    apply_queued();
}

// As much as this burst may cost. What was done is told once no batch is half done: until then the
// state is of no index.
void StateMachine::apply_queued() {
    const NodeId self = context_.self().node;
    state_.tell_changes_to(watches_.sink());
    while (!to_apply_.empty() && apply_work_.left() && !apply_explores_) {
        const Batch& batch = to_apply_.front();
        if (batch.header.last() > state_.applied().index) {  // else sent again after a start
            const bool ours =
                batch.header.origin == self && batch.header.kind == BatchKind::commands;
            mid_batch_ = !state_.apply_some(batch, ours ? &outcomes_ : nullptr, apply_work_);
            if (mid_batch_) {
                apply_explores_ = explore();
                continue;
            }
            if (ours)
                done_.batches.push_back({batch.header.proposal, std::exchange(outcomes_, {})});
            witness_.applied(state_.applied().index, state_.digest());
        }
        to_apply_.pop_front();
        untold_ = true;
    }
    state_.tell_changes_to(nullptr);
    if (!to_apply_.empty() && !apply_explores_) go_on_later();
    if (untold_ && !mid_batch_) tell_applied();
}

void StateMachine::tell_applied() {
    untold_ = false;
    OutcomesReady ready = std::exchange(done_, {});
    ready.index = state_.applied().index;
    ready.term = state_.applied().term;
    context_.send(neighbour(context_, ActorName::replicator),
                  Applied{ready.index, state_.clock(), state_.due(), state_.digest()});
    tell(watches_.applied(ready.index));
    if (maybe_another_incarnation()) tell(watches_.jumped(ready.index));
    context_.send(neighbour(context_, ActorName::gateway), std::move(ready));
    take_up_held();
    maybe_settle();
    answer_waiting();
    if (const auto due = witness_.due()) answer(*due);
}

// What asked for the state as of an index, while a batch was half done.
void StateMachine::take_up_held() {
    begin_due_watches();
    if (const auto read = std::exchange(log_read_due_, nullptr))
        tell(watches_.read(*read, state_.footnotes(), state_.applied().index));
}

void StateMachine::go_on_later() {
    if (!more_.running()) more_.start(Duration(0));
}

// Has what could not go on find out in the background what it needs. True: that is under way, and
// it is to be tried again then.
bool StateMachine::explore() {
    if (exploring_) return true;
    auto work = state_.begin_explore();
    if (!work) return false;
    exploring_ = true;
    context_.run_in_background(kExplore, std::move(work));
    return true;
}

void StateMachine::explored() {
    exploring_ = apply_explores_ = reads_explore_ = false;
    state_.end_explore();
    go_on();
}

void StateMachine::go_on() {
    if (installation_) return;
    if (!to_apply_.empty()) {
        context_.answering(applying_);
        apply_queued();
    }
    answer_waiting();
}

void StateMachine::on(const AskReport& ask, const Envelope& envelope) {
    if (installation_) return reports_.push_back({envelope, ask});
    report(ask, envelope);
}

void StateMachine::report(const AskReport& ask, const Envelope& envelope) {
    StateReport report;
    report.ask = ask.ask;
    report.applied = state_.applied().index;
    report.digest = state_.digest();
    report.keys = state_.keys();
    report.diverged = witness_.diverged();
    report.most_work = most_work_;
    context_.send(envelope.from, report);
}

// ---- flushes

void StateMachine::on(const TakeSnapshot& take, const Envelope&) {
    asked_.push_back(take.ask);
}

void StateMachine::on_drained() {
    answered_bytes_ = 0;
    most_work_ = std::max(most_work_, apply_work_.spent() + read_work_.spent());
    apply_work_ = read_work_ = Work(kWorkAtOnce);
    maybe_install();
    maybe_flush();
    maybe_read_log();
}

void StateMachine::maybe_flush() {
    if (flushing_ || flush_again_.running() || installation_ || install_due_ || mid_batch_) return;
    const bool asked = !asked_.empty() || backups_.wants_flush();
    if (!asked && !state_.wants_flush()) return;
    if (room_) backups_.flushing(state_.digest(), state_.clock());  // else what was put off
    if (asked && state_.flushed() == state_.applied()) {
        for (const std::uint64_t ask : std::exchange(asked_, {})) tell_flushed(ask);
        return backups_.flushed();
    }
    flushing_ = true;
    asked_of_flush_.insert(asked_of_flush_.end(), asked_.begin(), asked_.end());
    asked_.clear();
    context_.run_in_background(kFlush, state_.begin_flush());
}

void StateMachine::tell_flushed(std::uint64_t ask) {
    context_.send(neighbour(context_, ActorName::replicator), Flushed{state_.flushed().index, ask});
}

void StateMachine::on_job_done(JobId job) {
    if (server_.on_job_done(job) || backups_.on_job_done(job)) return;
    if (job == kInstall) return installed();
    if (job == kLeftovers) return;
    if (job == kExplore) return explored();
    CHECK(job == kFlush);
    flushed();
}

// Without room what is applied stays in memory, and the log uncut.
void StateMachine::flushed() {
    flushing_ = false;
    const bool had_room = std::exchange(room_, state_.end_flush());
    if (!room_) {
        flush_again_.start(kFlushAgainAfter);
        if (had_room)
            context_.log(LogLevel::error, "no room on the disk for the state: it stays in memory");
        return;
    }
    if (!had_room) context_.log(LogLevel::info, "there is room on the disk for the state again");
    context_.log(LogLevel::debug, "the state is flushed up to " + to_text(state_.flushed()));
    backups_.flushed();
    if (asked_of_flush_.empty()) tell_flushed(0);
    for (const std::uint64_t ask : std::exchange(asked_of_flush_, {})) tell_flushed(ask);
    if (auto work = state_.leftovers()) context_.run_in_background(kLeftovers, std::move(work));
}

// What found no room is not to be written any more. Who waits for it gets what there is now.
void StateMachine::forget_flush() {
    room_ = true;
    backups_.flush_lost();
    asked_.insert(asked_.begin(), asked_of_flush_.begin(), asked_of_flush_.end());
    asked_of_flush_.clear();
}

// ---- snapshots

void StateMachine::on(const ReadSnapshot& read, const Envelope&) {
    server_.on(read);
}

void StateMachine::on(const ReadBackup& read, const Envelope& envelope) {
    if (!settled()) return early_.push_back({envelope, read});
    backups_.on(read, envelope);
}

void StateMachine::on(const WriteSnapshot& piece, const Envelope& envelope) {
    context_.send(envelope.from, SnapshotWritten{piece.snapshot, intake_.take(piece)});
}

void StateMachine::on(const InstallState& install, const Envelope&) {
    CHECK(!installation_ && !install_due_, "one at a time");
    install_due_ = install.snapshot;
}

// Not beside a flush, which writes to the state that goes, nor before what came earlier is applied.
void StateMachine::maybe_install() {
    if (!install_due_ || flushing_ || exploring_ || !to_apply_.empty()) return;
    const SnapshotName snapshot = *std::exchange(install_due_, std::nullopt);
    auto whole = intake_.hand_over(snapshot);
    if (!whole) {
        context_.send(neighbour(context_, ActorName::replicator),
                      StateInstalled{snapshot, false, {}, {}});
        return;
    }
    installation_ = std::make_shared<Installation>();
    installation_->snapshot = snapshot;
    context_.run_in_background(kInstall,
                               [installation = installation_,
                                work = state_.begin_install(std::move(whole), snapshot.last)] {
                                   installation->result = work();
                               });
}

// The gateway has to know that it will not hear of what lies in between.
void StateMachine::installed() {
    const auto installation = std::exchange(installation_, nullptr);
    const bool done = installation->result.ok();
    state_.end_install(done);
    if (done) {
        CHECK(state_.applied() == installation->snapshot.last);
        context_.log(LogLevel::info,
                     "a snapshot up to " + to_text(state_.applied()) + " took the state's place");
        // What the own log says of what the snapshot covers need never have been committed.
        state_.log_begins_at(state_.applied().index.next());
        forget_flush();
        maybe_another_incarnation();
        tell(watches_.jumped(state_.applied().index));
        OutcomesReady ready;
        ready.index = state_.applied().index;
        ready.term = state_.applied().term;
        ready.skipped = true;
        context_.send(neighbour(context_, ActorName::gateway), std::move(ready));
        const bool was_diverged = witness_.diverged().has_value();
        witness_.begin(state_.applied().index, state_.digest());
        if (was_diverged) tell_judged();
    } else {
        context_.log(LogLevel::error, "a snapshot that came in can not be used: " +
                                          installation->result.error().message);
    }
    // The leader's time goes on from the snapshot's.
    if (done)
        context_.send(
            neighbour(context_, ActorName::replicator),
            Applied{state_.applied().index, state_.clock(), state_.due(), state_.digest()});
    StateInstalled news{installation->snapshot, done, {}, {}};
    if (done) {
        news.configured = state_.configuration().index;
        news.configuration = state_.configuration().body;
    }
    context_.send(neighbour(context_, ActorName::replicator), std::move(news));
    for (const WaitingReport& waited : std::exchange(reports_, {})) {
        context_.answering(waited.envelope);
        report(waited.ask, waited.envelope);
    }
    take_up_held();
    if (done) maybe_settle();
    answer_waiting();
    if (const auto due = witness_.due()) answer(*due);
}

// ---- digests

void StateMachine::on(const CompareDigest& question, const Envelope& envelope) {
    if (const auto known = witness_.on(question, envelope)) answer(*known);
}

void StateMachine::answer(const DigestWitness::Answer& answer) {
    context_.answering(answer.asked);
    context_.send(answer.asked.from, answer.reply);
}

void StateMachine::on(const DigestVerdict& verdict, const Envelope&) {
    if (witness_.on(verdict)) tell_judged();
}

void StateMachine::tell_judged() {
    const std::optional<Divergence>& diverged = witness_.diverged();
    if (diverged)
        context_.log(LogLevel::error,
                     "the state of this node differs from the others': at index " +
                         std::to_string(diverged->index.value) + " its digest is " +
                         hex(diverged->digest) + ", " +
                         (diverged->by_majority ? "a majority has " : "the leader has ") +
                         hex(diverged->expected) +
                         ". It serves no clients any more: stop it and run raftbus repair --force, "
                         "so that it takes the state anew from the others");
    else
        context_.log(LogLevel::info, "the state of this node is the others' again");
    for (const ActorName actor : {ActorName::replicator, ActorName::gateway})
        context_.send(neighbour(context_, actor), StateJudged{diverged});
}

// ---- watches

void StateMachine::on(const Watch& watch, const Envelope& envelope) {
    if (!watch.from && !settled()) return early_.push_back({envelope, watch});
    if (installation_ || mid_batch_ || watch.at > state_.applied().index)
        watches_due_.emplace(watch.at, watch);
    else
        begin_watch(watch);
}

void StateMachine::begin_watch(const Watch& watch) {
    tell(watches_.add(watch, state_.applied().index, state_.footnotes().first()));
}

void StateMachine::begin_due_watches() {
    while (!watches_due_.empty() && watches_due_.begin()->first <= state_.applied().index)
        begin_watch(watches_due_.extract(watches_due_.begin()).mapped());
}

// True if the state has come from one incarnation of the cluster to another one.
bool StateMachine::maybe_another_incarnation() {
    const StoredConfiguration& stored = state_.configuration();
    if (stored.index == configured_) return false;
    configured_ = stored.index;
    const Result<Configuration> configuration = decode_configuration(stored.body.view());
    if (!configuration || configuration->incarnation.id == incarnation_.id) return false;
    const bool another = incarnation_.id != 0 ||
                         configuration->incarnation.cause != Incarnation::Cause::formed;
    incarnation_ = configuration->incarnation;
    watches_.belongs_to(incarnation_);
    return another;
}

void StateMachine::on(const Unwatch& unwatch, const Envelope&) {
    std::erase_if(watches_due_,
                  [&](const auto& due) { return due.second.watch == unwatch.watch; });
    std::erase_if(early_, [&](const Early& early) {
        const auto* watch = std::get_if<Watch>(&early.ask);
        return watch && watch->watch == unwatch.watch;
    });
    watches_.remove(unwatch.watch);
}

void StateMachine::on(const WatchOn& on, const Envelope&) {
    watches_.go_on(on.watch);
}

void StateMachine::maybe_read_log() {
    if (installation_) return;
    const std::optional<LogIndex> from = watches_.begin_read();
    if (!from) return;
    last_request_ = last_request_.next();
    context_.serve({});  // many requests at once
    context_.send(neighbour(context_, ActorName::storage),
                  ReadLog{last_request_, *from, kPastPieceBytes});
}

// While the state is being replaced nothing of the old log is told any more.
void StateMachine::on(const LogRead& read, const Envelope&) {
    CHECK(read.request == last_request_, "one piece is read at a time");
    if (installation_) return watches_.forget_read();
    if (mid_batch_) {
        log_read_due_ = std::make_unique<LogRead>(read);
        return;
    }
    tell(watches_.read(read, state_.footnotes(), state_.applied().index));
}

void StateMachine::on(const LogCut& cut, const Envelope&) {
    if (!installation_) state_.log_begins_at(cut.first);
}

void StateMachine::tell(Watches::News news) {
    const Address gateway = neighbour(context_, ActorName::gateway);
    for (const Watching& watching : news.begun) context_.send(gateway, watching);
    if (!news.events.shares.empty()) context_.send(gateway, std::move(news.events));
    for (const WatchEnded& ended : news.ended) context_.send(gateway, ended);
}

void StateMachine::on_timer(TimerId timer) {
    if (more_.fired(timer)) return go_on();
    server_.on_timer(timer);
    backups_.on_timer(timer);
    flush_again_.fired(timer);
}

std::string StateMachine::describe() const {
    return "state machine that has applied " + to_text(state_.applied());
}

}  // namespace raftbus
