#include "actors/storage.hpp"

#include <algorithm>
#include <utility>

namespace raftbus {
namespace {

using namespace std::chrono_literals;

constexpr TimerId kRetryTimer = 1;
constexpr TimerId kIdleTimer = 2;
constexpr TimerId kTrimTimer = 3;
constexpr Duration kRetryAfter = 100ms;
// Without writes for one to two of these, the log is sealed.
constexpr Duration kIdleAfter = 10ms;
// After so long a time without writes the log gives back what it keeps for the next load, bit by bit,
// for each may take a disk some time.
constexpr Duration kTrimAfter = 2s;
constexpr Duration kTrimEvery = 100ms;

// The first index that the request changes; 0: it changes nothing.
LogIndex begin_of(const Append& append) {
    if (append.cut_from) return append.cut_from;
    return append.batches.empty() ? LogIndex(0) : append.batches.front().header.first;
}

}  // namespace

Storage::Storage(Context& context, Log& log)
    : context_(context),
      log_(log),
      retry_timer_(context, kRetryTimer),
      idle_timer_(context, kIdleTimer),
      trim_timer_(context, kTrimTimer) {}

void Storage::on(const SaveHardState& save, const Envelope& envelope) {
    saves_.push_back({envelope, save});
    stage_saves();
}

void Storage::on(const Append& append, const Envelope& envelope) {
    if (delayed_.empty())
        take(append, envelope);
    else
        delayed_.push_back({envelope, append});
}

void Storage::take(const Append& append, const Envelope& envelope) {
    if (stage(append))
        burst_.push_back({envelope, Appended{append.request}});
    else
        burst_.push_back({envelope, AppendRefused{append.request}});
}

void Storage::on(const ReadLog& read, const Envelope& envelope) {
    burst_.push_back({envelope, read});
}

void Storage::on(const Compact& compact, const Envelope& envelope) {
    burst_.push_back({envelope, compact});
}

// A restart of the log has to happen: it waits for room, and all later appends behind it, for
// their answers have to come in order.
void Storage::on(const RestartLog& restart, const Envelope& envelope) {
    delayed_.push_back({envelope, restart});
    take_delayed();
}

void Storage::take_delayed() {
    while (!delayed_.empty()) {
        const Delayed next = delayed_.front();
        if (const auto* restart = std::get_if<RestartLog>(&next.request)) {
            write_burst();
            if (!log_.restart_after(restart->after)) {
                note_room(false);
                if (!retry_timer_.running()) retry_timer_.start(kRetryAfter);
                return;
            }
            refused_from_ = LogIndex(0);
            burst_.push_back({next.envelope, Appended{restart->request}});
            delayed_.pop_front();
        } else {
            delayed_.pop_front();
            take(std::get<Append>(next.request), next.envelope);
        }
    }
}

bool Storage::stage(const Append& append) {
    const LogIndex begin = begin_of(append);
    if (!begin) return true;
    if (refused_from_ && begin > refused_from_) return false;
    // What stands from `begin` on may be what a refused request would have cut.
    const LogIndex cut_from = refused_from_ ? begin : append.cut_from;
    const bool room = log_.stage(cut_from, append.batches);
    refused_from_ = room ? LogIndex(0) : begin;
    staged_ = staged_ || room;
    note_room(room);
    return room;
}

void Storage::stage_saves() {
    while (!saves_.empty()) {
        const auto& [envelope, save] = saves_.front();
        if (!log_.stage(HardState{save.term, save.vote})) return await_room();
        staged_ = true;
        burst_.push_back({envelope, HardStateSaved{save.request}});
        saves_.pop_front();
    }
    can_save_ = true;
}

void Storage::await_room() {
    if (std::exchange(can_save_, false))
        context_.log(LogLevel::error,
                     "no room on the disk for term and vote: no part in elections until there is");
    if (!retry_timer_.running()) retry_timer_.start(kRetryAfter);
}

void Storage::on_timer(TimerId id) {
    if (retry_timer_.fired(id)) {
        stage_saves();
        take_delayed();
    }
    if (idle_timer_.fired(id)) {
        seal_due_ = !busy_;
        if (std::exchange(busy_, false)) idle_timer_.start(kIdleAfter);
    }
    if (trim_timer_.fired(id)) trim_due_ = true;
}

void Storage::on_drained() {
    write_burst();
    if (std::exchange(seal_due_, false)) {
        log_.seal();
        if (log_.has_surplus()) trim_timer_.start(kTrimAfter);
    }
    if (std::exchange(trim_due_, false)) {
        log_.trim();
        if (log_.has_surplus()) trim_timer_.start(kTrimEvery);
    }
}

void Storage::write_burst() {
    if (std::exchange(staged_, false)) {
        log_.sync();
        busy_ = true;
        seal_due_ = trim_due_ = false;
        trim_timer_.stop();
        if (!idle_timer_.running()) idle_timer_.start(kIdleAfter);
    }
    for (const Held& held : std::exchange(burst_, {})) answer(held);
}

void Storage::answer(const Held& held) {
    context_.answering(held.envelope);
    const Address to = held.envelope.from;
    std::visit(
        [&]<class A>(const A& answer) {
            if constexpr (std::is_same_v<A, ReadLog>)
                context_.send(to, read(answer));
            else if constexpr (std::is_same_v<A, Compact>)
                context_.send(to, compact(answer));
            else
                context_.send(to, answer);
        },
        held.answer);
}

LogRead Storage::read(const ReadLog& read) {
    return {read.request, log_.first(), log_.last().index, log_.read(read.from, read.bytes_max)};
}

Compacted Storage::compact(const Compact& compact) {
    const bool all = compact.ask != 0 || !room_;
    log_.compact(std::min(compact.flushed, log_.last().index), all);
    return {log_.before_first(), compact.flushed, compact.ask};
}

void Storage::note_room(bool room) {
    if (room == room_) return;
    room_ = room;
    if (room)
        context_.log(LogLevel::info, "there is room on the disk again: the log takes writes");
    else
        context_.log(
            LogLevel::error,
            "no room on the disk for another log segment: the log takes no writes until there is");
}

std::string Storage::describe() const {
    return "storage, log to " + std::to_string(log_.last().index.value);
}

}  // namespace raftbus
