// batch_index: where each batch of the log stands on disk.
//
// Owns: one small entry per batch, in memory. Must not know: files, the batches' contents.
#pragma once

#include <cstdint>
#include <vector>

#include "messages/batch.hpp"

namespace raftbus {

struct BatchLocation {
    LogIndex first;
    Term term;
    std::uint64_t segment = 0;  // its number
    std::uint64_t count = 0;
    std::uint32_t offset = 0;  // of the record in the segment
    std::uint32_t bytes = 0;   // of the record, with header and padding

    LogIndex end() const { return first + count; }
    EntryId last() const { return {end().previous(), term}; }
};

class BatchIndex {
public:
    // The entry before the oldest one that is kept; {0, 0}: none was dropped.
    EntryId before_first() const { return before_first_; }
    // The end of the log; before_first() if it is empty.
    EntryId last() const { return batches_.empty() ? before_first_ : batches_.back().last(); }
    LogIndex first() const { return before_first_.index.next(); }

    // CHECKs that it follows the log's end.
    void add(const BatchLocation& batch);
    // True if the log could be cut there: `from` is where a batch starts, or where the next one
    // would.
    bool is_edge(LogIndex from) const;
    // Forgets all batches from `from` on, which must be an edge (CHECKed).
    void cut(LogIndex from);

    // Forgets all batches up to `entry`, which must be the last of one, or before_first()
    // (CHECKed).
    void drop_to(EntryId entry);
    // Forgets everything: the log goes on after `entry`.
    void restart_after(EntryId entry);

    // The batches from the one that holds `from`, in order; empty if there is none.
    using Iterator = std::vector<BatchLocation>::const_iterator;
    Iterator find(LogIndex from) const;
    Iterator end() const { return batches_.end(); }

    // The first entry of each run of equal terms, ascending.
    std::vector<EntryId> term_starts() const;

private:
    EntryId before_first_;
    std::vector<BatchLocation> batches_;  // in order of index, without gaps
};

}  // namespace raftbus
