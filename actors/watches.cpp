#include "actors/watches.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"
#include "storage/change_history.hpp"

namespace raftbus {

// ---- beginning and end

Watches::News Watches::add(const Watch& watch, LogIndex applied, LogIndex known_from) {
    CHECK(!watches_.contains(watch.watch), "a number is used once");
    News news;
    const LogIndex from = watch.from ? watch.from : applied.next();
    const auto refuse = [&](LogIndex first, WatchEnd why) {
        news.ended.push_back({watch.watch, first, why, incarnation_});
        return news;
    };
    const bool tells = watch.incarnation != 0 && incarnation_.id != 0;
    if (tells && watch.incarnation != incarnation_.id)
        return refuse(applied.next(), WatchEnd::other);
    if (from > applied.next() && !watch.checked) return refuse(applied.next(), WatchEnd::ahead);
    if (from <= applied && from < known_from) return refuse(known_from, WatchEnd::compacted);
    State& state = watches_[watch.watch];
    state.key = {std::string(watch.key.view()), watch.prefix};
    state.next = from;
    if (from <= applied) {
        state.where = Where::past;
        turns_.push_back(watch.watch);
        return news;
    }
    follow_present(watch.watch, state);
    state.begun = true;
    news.begun.push_back({watch.watch, from.previous(), incarnation_.id});
    news.events.shares.push_back({watch.watch, {}, applied, false});
    return news;
}

void Watches::remove(WatchNumber watch) {
    const auto at = watches_.find(watch);
    if (at == watches_.end()) return;
    if (at->second.where == Where::present) present_.remove(at->second.key, watch);
    watches_.erase(at);
}

void Watches::end(WatchNumber watch, LogIndex first, News& news) {
    remove(watch);
    news.ended.push_back({watch, first, WatchEnd::compacted, incarnation_});
}

void Watches::go_on(WatchNumber watch) {
    const auto at = watches_.find(watch);
    if (at == watches_.end() || at->second.where != Where::waits) return;
    at->second.where = Where::past;
    turns_.push_back(watch);
}

void Watches::follow_present(WatchNumber number, State& state) {
    state.where = Where::present;
    present_.add(state.key, number);
}

// ---- the present

void Watches::on_change(const Change& change) {
    gather(change, present_);
}

// A change is written down once, however many watch it.
void Watches::gather(const Change& change, const WatchIndex& index) {
    bool written = false;
    index.each(change.key, [&](WatchNumber number) {
        State& state = watches_.at(number);
        if (LogIndex(change.revision) < state.next) return;
        if (!std::exchange(written, true)) {
            std::string pairs;
            client::append_event(pairs, change.event, change.key, change.value, change.revision);
            gathered_.push_back({change.revision, SharedBytes::own(std::move(pairs))});
        }
        if (state.events.empty()) sharers_.push_back(number);
        state.events.push_back(static_cast<std::uint32_t>(gathered_.size() - 1));
    });
}

WatchEvents Watches::take_gathered(LogIndex up_to) {
    WatchEvents events{std::exchange(gathered_, {}), {}};
    for (const WatchNumber number : std::exchange(sharers_, {}))
        events.shares.push_back(
            {number, std::exchange(watches_.at(number).events, {}), up_to, false});
    return events;
}

Watches::News Watches::applied(LogIndex applied) {
    News news;
    news.events = take_gathered(applied);
    return news;
}

// ---- the past

std::optional<LogIndex> Watches::begin_read() {
    if (asked_) return std::nullopt;
    while (!turns_.empty() && !watches_.contains(turns_.front())) turns_.pop_front();
    if (turns_.empty()) return std::nullopt;
    asked_ = watches_.at(turns_.front()).next;
    return asked_;
}

Watches::News Watches::read(const LogRead& read, const Footnotes& footnotes, LogIndex applied) {
    News news;
    const LogIndex asked = std::exchange(asked_, LogIndex());
    CHECK(bool(asked), "one piece is read at a time");
    if (std::exchange(stale_, false)) return news;
    const LogIndex known_from = std::max(read.first, footnotes.first());
    LogIndex begin, end;  // what the piece covers, up to what is applied
    for (const Batch& batch : read.batches) {
        if (batch.header.last() > applied || batch.header.first < known_from) continue;
        if (!begin) begin = batch.header.first;
        end = batch.header.last();
    }
    // Everybody who is at the place reads along, so that many who come back together cost one.
    std::vector<WatchNumber> readers;
    WatchIndex index;
    for (const WatchNumber number : std::exchange(turns_, {})) {
        const auto at = watches_.find(number);
        if (at == watches_.end()) continue;
        State& state = at->second;
        if (begin && begin <= state.next && state.next <= end) {
            readers.push_back(number);
            index.add(state.key, number);
        } else if (state.next < known_from) {
            this->end(number, known_from, news);
        } else if (state.next == asked) {
            this->end(number, begin > asked ? begin : applied.next(), news);  // it is not there
        } else {
            turns_.push_back(number);
        }
    }
    if (!readers.empty()) {
        ChangeSinkOf sink([&](const Change& change) { gather(change, index); });
        for (const Batch& batch : read.batches)
            if (begin <= batch.header.first && batch.header.last() <= end)
                tell_changes(batch, footnotes, sink);
    }
    news.events = take_gathered(end);
    absl::btree_map<WatchNumber, WatchShare*> shares;
    for (WatchShare& share : news.events.shares) shares[share.watch] = &share;
    for (const WatchNumber number : readers) {
        State& state = watches_.at(number);
        if (!std::exchange(state.begun, true))
            news.begun.push_back({number, state.next.previous(), incarnation_.id});
        state.next = end.next();
        const auto share = shares.find(number);
        if (end == applied) {
            follow_present(number, state);
        } else if (share != shares.end()) {
            share->second->past = true;
            state.where = Where::waits;
        } else {
            turns_.push_back(number);
        }
    }
    // Who has arrived at the present is told so, even if there was nothing else.
    if (end == applied)
        for (const WatchNumber number : readers)
            if (!shares.contains(number)) news.events.shares.push_back({number, {}, end, false});
    return news;
}

Watches::News Watches::jumped(LogIndex applied) {
    News news;
    stale_ = bool(asked_);
    std::vector<WatchNumber> left_behind;
    for (const auto& [number, state] : watches_)
        if (state.next <= applied) left_behind.push_back(number);
    for (const WatchNumber number : left_behind) end(number, applied.next(), news);
    return news;
}

}  // namespace raftbus
