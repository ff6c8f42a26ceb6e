#include "actors/state_machine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "messages/check.hpp"
#include "storage/disk.hpp"

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
    kReadBackup
};
enum StateTimer : TimerId { kSnapshotIdle = 1, kBackupIdle, kFlushAgain, kMoreAnswers };
constexpr Duration kFlushAgainAfter = 500ms;
// Of answers in one burst: what is left waits until the gateway has had its turn.
constexpr std::uint64_t kAnswersAtOnce = 32 << 20;

std::uint64_t bytes_of(const Item& item) {
    return item.key.size() + item.value.size();
}
std::uint64_t bytes_of(const Answer& answer) {
    if (const auto* get = std::get_if<GetAnswer>(&answer))
        return get->item ? bytes_of(*get->item) : 0;
    if (std::holds_alternative<NoAnswer>(answer)) return 0;
    std::uint64_t bytes = 0;
    for (const Item& item : std::get<ScanAnswer>(answer).items) bytes += bytes_of(item);
    return bytes;
}

// Of queries, see expect().
constexpr std::size_t kReadAhead = 16;
// Of one ReadLog for watches: small, so that storage is soon back at what has to be made durable,
// and this actor at what has to be applied.
constexpr std::uint64_t kPastPieceBytes = 256 << 10;

Address neighbour(const Context& context, ActorName actor) {
    return {context.self().node, actor};
}

}  // namespace

StateMachine::StateMachine(Context& context, KvState& state)
    : context_(context),
      state_(state),
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
    if (!state_.damage().empty()) damaged(state_.damage());
    if (state_.flushed().index) tell_flushed(0);
}

// ---- applying

void StateMachine::on(const Apply& apply, const Envelope&) {
    CHECK(!installation_ && !install_due_, "fed while its state is being replaced");
    if (damage_) return;  // the replicator hears of it, and sends this again to the next state
    OutcomesReady ready;
    state_.tell_changes_to(watches_.sink());
    const std::string damage = damage_in([&] {
        for (const Batch& batch : apply.batches) {
            if (batch.header.last() <= state_.applied().index) continue;  // sent again after a start
            apply_one(batch, ready);
            witness_.applied(state_.applied().index, state_.digest());
        }
    });
    state_.tell_changes_to(nullptr);
    ready.index = state_.applied().index;
    ready.term = state_.applied().term;
    context_.send(neighbour(context_, ActorName::replicator),
                  Applied{ready.index, state_.clock(), state_.due(), witness_.newest()});
    auto news = watches_.applied(ready.index);
    if (damage.empty()) tell(std::move(news));  // else of a batch that was not applied to its end
    context_.send(neighbour(context_, ActorName::gateway), std::move(ready));
    if (!damage.empty()) return damaged(damage);
    answer_waiting();
    if (const auto due = witness_.due()) answer(*due);
}

void StateMachine::apply_one(const Batch& batch, OutcomesReady& ready) {
    const bool ours = batch.header.origin == context_.self().node &&
                      batch.header.kind == BatchKind::commands;
    if (!ours) return state_.apply(batch, nullptr);
    BatchOutcome outcome;
    outcome.proposal = batch.header.proposal;
    state_.apply(batch, &outcome.outcomes);
    ready.batches.push_back(std::move(outcome));
}

void StateMachine::on(const ReadState& read, const Envelope& envelope) {
    if (damage_) return answer(read, envelope);
    const bool due = read.at <= state_.applied().index && !installation_;
    if (due && answered_bytes_ < kAnswersAtOnce) return answer(read, envelope);
    waiting_.emplace(read.at, WaitingRead{envelope, read});
    if (due) answer_waiting();
}

void StateMachine::on(const AskReport& ask, const Envelope& envelope) {
    if (installation_) return reports_.push_back({envelope, ask});
    report(ask, envelope);
}

void StateMachine::report(const AskReport& ask, const Envelope& envelope) {
    StateReport report;
    report.ask = ask.ask;
    report.applied = state_.applied().index;
    report.digest = damage_ ? witness_.newest() : state_.digest();
    report.keys = state_.keys();
    report.diverged = witness_.diverged();
    report.damaged = damage_;
    context_.send(envelope.from, report);
}

// ---- flushes

void StateMachine::on(const TakeSnapshot& take, const Envelope&) {
    if (damage_ && !take.ask) return;
    asked_.push_back(take.ask);
}

void StateMachine::on_drained() {
    answered_bytes_ = 0;
    maybe_install();
    maybe_flush();
    maybe_read_log();
}

void StateMachine::maybe_flush() {
    if (flush_ || damage_ || flush_again_.running() || installation_ || install_due_) return;
    const bool asked = !asked_.empty() || backups_.wants_flush();
    if (!asked && !state_.wants_flush()) return;
    if (room_) backups_.flushing(state_.digest(), state_.clock());  // else what was put off
    if (asked && state_.flushed() == state_.applied()) {
        for (const std::uint64_t ask : std::exchange(asked_, {})) tell_flushed(ask);
        return backups_.flushed();
    }
    flush_ = std::make_shared<Flush>();
    asked_of_flush_.insert(asked_of_flush_.end(), asked_.begin(), asked_.end());
    asked_.clear();
    context_.run_in_background(kFlush, [flush = flush_, work = state_.begin_flush()] {
        flush->damage = damage_in(work);
    });
}

void StateMachine::tell_flushed(std::uint64_t ask) {
    context_.send(neighbour(context_, ActorName::replicator), Flushed{state_.flushed().index, ask});
}

void StateMachine::on_job_done(JobId job) {
    if (server_.on_job_done(job)) return damaged(server_.take_damage());
    if (backups_.on_job_done(job)) return damaged(backups_.take_damage());
    if (job == kInstall) return installed();
    if (job == kLeftovers) return;
    CHECK(job == kFlush);
    flushed();
}

// Without room what is applied stays in memory, and the log uncut.
void StateMachine::flushed() {
    const std::string damage = std::exchange(flush_, nullptr)->damage;
    const bool written = state_.end_flush();
    if (!damage.empty()) return damaged(damage);
    if (damage_) return;
    const bool had_room = std::exchange(room_, written);
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

// Who needs more than is flushed asks again soon.
void StateMachine::on(const ReadSnapshot& read, const Envelope&) {
    if (damage_) return;
    if (read.at_least <= state_.flushed().index) return server_.on(read);
    if (asked_.empty() && !flush_) asked_.push_back(0);
}

void StateMachine::on(const ReadBackup& read, const Envelope& envelope) {
    backups_.on(read, envelope);
}

void StateMachine::on(const WriteSnapshot& piece, const Envelope& envelope) {
    context_.send(envelope.from, SnapshotWritten{piece.snapshot, intake_.take(piece)});
}

void StateMachine::on(const InstallState& install, const Envelope&) {
    CHECK(!installation_ && !install_due_, "one at a time");
    install_due_ = install.snapshot;
}

// Not beside a flush, which writes to the state that goes.
void StateMachine::maybe_install() {
    if (!install_due_ || flush_) return;
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
                                work = state_.begin_install(std::move(whole), snapshot.last,
                                                            witness_.sound_at(snapshot.last.index))] {
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
        tell(watches_.jumped(state_.applied().index));
        OutcomesReady ready;
        ready.index = state_.applied().index;
        ready.term = state_.applied().term;
        ready.skipped = true;
        context_.send(neighbour(context_, ActorName::gateway), std::move(ready));
        const bool was_diverged = witness_.diverged() || damage_;
        damage_.reset();
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
    for (const Watch& watch : std::exchange(watches_due_, {}))
        tell(watches_.add(watch, state_.applied().index, state_.footnotes().first()));
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

// Nothing is done with the state any more: what was carried out of the batch under way is worth
// nothing, and what is flushed now would be as damaged. Empty: nothing is damaged.
void StateMachine::damaged(const std::string& what) {
    if (what.empty() || damage_) return;
    damage_ = {state_.applied().index, what};
    server_.drop();
    backups_.drop();
    tell_judged();
    for (auto& [at, waited] : std::exchange(waiting_, {})) {
        context_.answering(waited.envelope);
        answer(waited.read, waited.envelope);
    }
}

void StateMachine::tell_judged() {
    const std::optional<Divergence>& diverged = witness_.diverged();
    if (damage_)
        context_.log(LogLevel::error,
                     damage_->what +
                         ". This node serves no clients from its state, and asks the leader for "
                         "another one: nothing is to be done, but check its disk. If there is no "
                         "other node, restore a backup (raftbus restore); if no state comes, stop "
                         "this node and run raftbus repair --force");
    else if (diverged)
        context_.log(LogLevel::error,
                     "the state of this node differs from the others': at index " +
                         std::to_string(diverged->index.value) + " its digest is " +
                         hex(diverged->digest) + ", " +
                         (diverged->by_majority ? "a majority has " : "the leader has ") +
                         hex(diverged->expected) +
                         ". It serves no clients any more: stop it and run raftbus repair --force, "
                         "so that it takes the state anew from the others");
    else
        context_.log(LogLevel::info, "the state of this node is sound again");
    for (const ActorName actor : {ActorName::replicator, ActorName::gateway})
        context_.send(neighbour(context_, actor), StateJudged{diverged, damage_});
}

// ---- watches

void StateMachine::on(const Watch& watch, const Envelope&) {
    if (installation_) return watches_due_.push_back(watch);
    tell(watches_.add(watch, state_.applied().index, state_.footnotes().first()));
}

void StateMachine::on(const Unwatch& unwatch, const Envelope&) {
    std::erase_if(watches_due_, [&](const Watch& watch) { return watch.watch == unwatch.watch; });
    watches_.remove(unwatch.watch);
}

void StateMachine::on(const WatchOn& on, const Envelope&) {
    watches_.go_on(on.watch);
}

void StateMachine::maybe_read_log() {
    if (installation_ || damage_) return;
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
    if (installation_ || damage_) return watches_.forget_read();
    tell(watches_.read(read, state_.footnotes(), state_.applied().index));
}

void StateMachine::on(const LogCut& cut, const Envelope&) {
    if (!installation_ && !damage_) state_.log_begins_at(cut.first);
}

void StateMachine::tell(Watches::News news) {
    const Address gateway = neighbour(context_, ActorName::gateway);
    for (const Watching& watching : news.begun) context_.send(gateway, watching);
    if (!news.events.shares.empty()) context_.send(gateway, std::move(news.events));
    for (const WatchEnded& ended : news.ended) context_.send(gateway, ended);
}

void StateMachine::on_timer(TimerId timer) {
    if (more_.fired(timer)) {
        if (!installation_) answer_waiting();
        return;
    }
    server_.on_timer(timer);
    backups_.on_timer(timer);
    flush_again_.fired(timer);
}

std::string StateMachine::describe() const {
    return "state machine that has applied " + to_text(state_.applied());
}

void StateMachine::answer_waiting() {
    const auto due = [this] {
        return !waiting_.empty() && waiting_.begin()->first <= state_.applied().index;
    };
    while (due() && answered_bytes_ < kAnswersAtOnce) {
        const auto waited = waiting_.extract(waiting_.begin());
        context_.answering(waited.mapped().envelope);
        answer(waited.mapped().read, waited.mapped().envelope);
    }
    if (due() && !more_.running()) more_.start(Duration(0));
}

void StateMachine::answer(const ReadState& read, const Envelope& envelope) {
    StateRead reply;
    reply.read = read.read;
    reply.applied = state_.applied().index;
    std::uint64_t bytes = 0;
    std::string damage;
    for (std::size_t i = 0; i < read.queries.size() && bytes < read.bytes_max; ++i) {
        if (i % kReadAhead == 0 && !damage_) expect(std::span(read.queries).subspan(i));
        Answer answer = NoAnswer{};
        if (!damage_ && damage.empty()) damage = damage_in([&] { answer = answer_to(read.queries[i]); });
        bytes += bytes_of(answer);
        reply.answers.push_back(std::move(answer));
    }
    answered_bytes_ += bytes;
    context_.send(envelope.from, std::move(reply));
    damaged(damage);
}

// The first of these are answered next: what they need of memory comes at once, not one by one.
void StateMachine::expect(std::span<const Query> queries) {
    std::array<std::string_view, kReadAhead> keys;
    std::size_t count = 0;
    for (const Query& query : queries.first(std::min(queries.size(), kReadAhead)))
        if (const auto* get = std::get_if<GetQuery>(&query)) keys[count++] = get->key.view();
    state_.expect({keys.data(), count});
}

Answer StateMachine::answer_to(const Query& query) {
    if (const auto* get = std::get_if<GetQuery>(&query))
        return GetAnswer{state_.get(get->key.view())};
    return state_.scan(std::get<ScanQuery>(query));
}

}  // namespace raftbus
