#include "actors/log_tail.hpp"

#include <algorithm>

#include "messages/check.hpp"

namespace raftbus {

LogTail::LogTail(const RecoveredLog& recovered)
    : disk_before_first_(recovered.before_first),
      before_first_(recovered.before_first),
      last_(recovered.last),
      term_starts_(recovered.term_starts),
      first_held_(recovered.last.index.next()) {}

std::optional<Term> LogTail::term_at(LogIndex index) const {
    if (index > last_.index || index < before_first_.index) return std::nullopt;
    if (index == before_first_.index) return before_first_.term;
    const auto after = std::upper_bound(
        term_starts_.begin(), term_starts_.end(), index,
        [](LogIndex wanted, const EntryId& start) { return wanted < start.index; });
    CHECK(after != term_starts_.begin(), "every entry belongs to a run of equal terms");
    return std::prev(after)->term;
}

EntryId LogTail::entry_at(LogIndex index) const {
    const std::optional<Term> term = term_at(index);
    CHECK(term.has_value(), "an entry of this log");
    return {index, *term};
}

void LogTail::append(Batch batch) {
    CHECK(batch.header.first == last_.index.next(), "batches follow each other");
    CHECK(batch.header.count > 0);
    CHECK(batch.header.term >= last_.term, "terms in a log never fall");
    if (batch.header.term > last_.term || term_starts_.empty())
        term_starts_.push_back({batch.header.first, batch.header.term});
    last_ = batch.last();
    held_bytes_ += batch.bytes();
    held_.push_back(std::move(batch));
}

void LogTail::disk_begins_after(EntryId entry) {
    if (entry.index <= disk_before_first_.index) return;
    disk_before_first_ = entry;
    forget_terms();
}

// What neither the disk nor memory holds.
void LogTail::forget_terms() {
    const LogIndex before_held = first_held_.previous();
    if (disk_before_first_.index <= before_first_.index || before_held <= before_first_.index)
        return;
    before_first_ = entry_at(std::min(disk_before_first_.index, before_held));
    std::optional<EntryId> present;
    while (!term_starts_.empty() && term_starts_.front().index <= before_first_.index.next()) {
        present = EntryId{before_first_.index.next(), term_starts_.front().term};
        term_starts_.erase(term_starts_.begin());
    }
    if (present && present->index <= last_.index &&
        (term_starts_.empty() || term_starts_.front().index > present->index))
        term_starts_.insert(term_starts_.begin(), *present);
}

void LogTail::restart_after(EntryId entry) {
    disk_before_first_ = before_first_ = last_ = entry;
    first_held_ = entry.index.next();
    term_starts_.clear();
    held_.clear();
    held_bytes_ = 0;
}

void LogTail::cut_from(LogIndex index) {
    CHECK(index > before_first_.index);
    CHECK(index <= last_.index);
    while (!held_.empty() && held_.back().header.last() >= index) {
        CHECK(held_.back().header.first >= index, "logs part at batches' edges");
        held_bytes_ -= held_.back().bytes();
        held_.pop_back();
    }
    last_ = entry_at(index.previous());
    while (!term_starts_.empty() && term_starts_.back().index >= index) term_starts_.pop_back();
    first_held_ = std::min(first_held_, index);
}

bool LogTail::may_cut_from(LogIndex index) const {
    if (index <= before_first_.index || index > last_.index) return false;
    return std::none_of(held_.begin(), held_.end(), [&](const Batch& batch) {
        return batch.header.first < index && index <= batch.header.last();
    });
}

std::vector<Batch> LogTail::batches_from(LogIndex from, std::uint64_t bytes_max) const {
    std::vector<Batch> found;
    if (from < first_held_ || from > last_.index) return found;
    auto batch =
        std::upper_bound(held_.begin(), held_.end(), from,
                         [](LogIndex wanted, const Batch& b) { return wanted < b.header.first; });
    std::uint64_t bytes = 0;
    for (--batch; batch != held_.end(); ++batch) {
        bytes += batch->bytes();
        if (!found.empty() && bytes > bytes_max) break;
        found.push_back(*batch);
    }
    return found;
}

void LogTail::evict(std::uint64_t bytes_max, LogIndex keep_after) {
    while (held_bytes_ > bytes_max && held_.front().header.last() <= keep_after) {
        held_bytes_ -= held_.front().bytes();
        first_held_ = held_.front().header.end();
        held_.pop_front();
    }
    forget_terms();
}

EntryId LogTail::newest_not_after(EntryId probe) const {
    if (probe.index < before_first_.index) return probe;
    // Terms never fall, so what both logs share lies below the entry before this log.
    if (before_first_.term > probe.term) return {before_first_.index.previous(), probe.term};
    LogIndex index = std::min(probe.index, last_.index);
    while (index > before_first_.index) {
        const EntryId entry = entry_at(index);
        if (entry.term <= probe.term) return entry;
        const auto run =
            std::find_if(term_starts_.begin(), term_starts_.end(),
                         [&](const EntryId& start) { return start.term == entry.term; });
        index = run->index.previous();
    }
    return before_first_;
}

}  // namespace raftbus
