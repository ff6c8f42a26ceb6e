// log_tail: the end of the log in memory: the newest batches, and the terms of all entries. A
// value.
//
// Owns: batches from first_held() on; where each run of equal terms begins, for the whole log.
// Must not know: the disk, commit, peers.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "messages/batch.hpp"
#include "storage/log.hpp"

namespace raftbus {

class LogTail {
public:
    // The log as found at start; its batches stay on disk.
    explicit LogTail(const RecoveredLog& recovered);

    EntryId last() const { return last_; }
    // What lies before the log; its term may be unknown (0), see docs/log-format.md.
    EntryId before_first() const { return before_first_; }
    // The oldest entry that the log still has, in memory or on disk.
    LogIndex first() const { return before_first_.index.next(); }
    LogIndex first_on_disk() const { return disk_before_first_.index.next(); }
    LogIndex first_held() const { return first_held_; }
    std::uint64_t held_bytes() const { return held_bytes_; }
    // Of the last entry; none if it is not in memory.
    std::optional<WallTime> last_time() const {
        return held_.empty() ? std::nullopt : std::optional(held_.back().header.time);
    }

    // None for an index beyond last(), or below the entry before first().
    std::optional<Term> term_at(LogIndex index) const;
    // The entry at `index`, which must be one whose term is known.
    EntryId entry_at(LogIndex index) const;

    // The batch must follow last(), in a term that is not lower.
    void append(Batch batch);
    // The disk holds entries behind `entry` only, any more.
    void disk_begins_after(EntryId entry);
    // Forgets everything: the log goes on after `entry`.
    void restart_after(EntryId entry);
    // Forgets all entries from `index` on. It must be the first of a batch: logs part at batches'
    // edges.
    void cut_from(LogIndex index);
    // False: `index` lies inside a batch that memory holds, or at or before the log's begin.
    bool may_cut_from(LogIndex index) const;

    // Whole batches from the one that holds `from`, at least one if it is held, until `bytes_max`
    // is exceeded. None if it is not in memory, or not in the log.
    std::vector<Batch> batches_from(LogIndex from, std::uint64_t bytes_max) const;
    // Lets go of the oldest batches while more than `bytes_max` are held, but of none beyond
    // `keep_after`.
    void evict(std::uint64_t bytes_max, LogIndex keep_after);

    // The newest entry at or below `probe.index` whose term is at most `probe.term`. What both logs
    // may have in common lies at or below it, so each exchange of hints skips at least one whole
    // term (Raft §5.3, last paragraphs). Of what lies before the log nothing is known: the
    // probe, or what lies right below the entry before the log if that entry's term is above the
    // probe's.
    EntryId newest_not_after(EntryId probe) const;

private:
    void forget_terms();

    EntryId disk_before_first_;
    EntryId before_first_;  // the same, or of what memory holds, if that reaches back further
    EntryId last_;
    std::vector<EntryId> term_starts_;  // ascending
    LogIndex first_held_;
    std::deque<Batch> held_;  // contiguous, from first_held_ to last_
    std::uint64_t held_bytes_ = 0;
};

}  // namespace raftbus
