#include "sim/disk_record.hpp"

#include <algorithm>

namespace raftbus::sim {

void DiskRecord::wrote(const Append& append, Moment done) {
    // One that was on its way when the snapshot came changes the log that it replaces.
    const LogIndex begin = append.cut_from || append.batches.empty()
                               ? append.cut_from
                               : append.batches.front().header.first;
    if (begin <= restarted_after_) return;
    Pending& pending = pending_.emplace_back(Pending{done, {}, append.cut_from, {}});
    for (const Batch& batch : append.batches) pending.ends.push_back(batch.last());
}

void DiskRecord::saved(HardState hard_state, Moment done) {
    pending_.push_back({done, hard_state, {}, {}});
}

void DiskRecord::restarted(std::vector<EntryId> ends) {
    for (Pending& pending : pending_) {
        pending.cut_from = {};
        pending.ends.clear();
    }
    ends_ = std::move(ends);
    restarted_after_ = ends_.empty() ? LogIndex() : ends_.back().index;
}

void DiskRecord::cut(std::vector<EntryId>& ends, LogIndex from) {
    if (!from) return;
    while (!ends.empty() && ends.back().index >= from) ends.pop_back();
}

void DiskRecord::fold(Moment now) {
    while (!pending_.empty() && pending_.front().done <= now) {
        const Pending& done = pending_.front();
        if (done.hard_state) hard_state_ = *done.hard_state;
        cut(ends_, done.cut_from);
        if (!done.ends.empty()) cut(ends_, done.ends.front().index);
        ends_.insert(ends_.end(), done.ends.begin(), done.ends.end());
        pending_.pop_front();
    }
}

const HardState& DiskRecord::hard_state(Moment now) {
    fold(now);
    return hard_state_;
}

EntryId DiskRecord::last(Moment now) {
    fold(now);
    return ends_.empty() ? EntryId{} : ends_.back();
}

// The first end at or behind the index; null if the log ends before it.
const EntryId* DiskRecord::batch_with(LogIndex index) const {
    const auto found =
        std::lower_bound(ends_.begin(), ends_.end(), index,
                         [](const EntryId& end, LogIndex wanted) { return end.index < wanted; });
    return found == ends_.end() ? nullptr : &*found;
}

bool DiskRecord::holds(EntryId entry, Moment now) {
    fold(now);
    if (!entry.index) return true;
    const EntryId* end = batch_with(entry.index);
    return end && end->term == entry.term;
}

void DiskRecord::ended(Moment at) {
    fold(at);
    for (Pending& pending : pending_) pending.done = Moment::max();
}

std::optional<std::string> DiskRecord::found(const HardState& hard_state,
                                             const std::vector<EntryId>& ends, Moment done) {
    bool known = hard_state == hard_state_;
    for (const Pending& pending : pending_) {
        known = known || pending.hard_state == hard_state;
        cut(ends_, pending.cut_from);
    }
    pending_.clear();
    const bool only_raised =  // by the log's last term, with no vote
        hard_state.term > hard_state_.term && !ends.empty() && hard_state.term == ends.back().term;
    if (!known && !only_raised) return "term and vote are not those that were saved";
    const auto kept = static_cast<std::ptrdiff_t>(ends_.size());
    if (ends.size() < ends_.size() || !std::equal(ends_.begin(), ends_.end(), ends.begin()))
        return "entries up to " + std::to_string(ends_.back().index.value) +
               " had been acknowledged, and are gone";
    pending_.push_back({done, hard_state, {}, {ends.begin() + kept, ends.end()}});
    return std::nullopt;
}

}  // namespace raftbus::sim
