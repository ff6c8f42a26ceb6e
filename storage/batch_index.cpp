#include "storage/batch_index.hpp"

#include <algorithm>

#include "messages/check.hpp"

namespace raftbus {

void BatchIndex::add(const BatchLocation& batch) {
    CHECK(batch.count > 0);
    CHECK(batch.first == last().index.next(), "a batch must follow the log's end");
    CHECK(batch.term >= last().term, "terms never fall along the log");
    batches_.push_back(batch);
}

bool BatchIndex::is_edge(LogIndex from) const {
    if (from == last().index.next()) return true;
    const Iterator found = find(from);
    return found != end() && found->first == from;
}

void BatchIndex::cut(LogIndex from) {
    CHECK(is_edge(from), "logs part at the edges of batches only");
    batches_.erase(find(from), batches_.cend());
}

void BatchIndex::drop_to(EntryId entry) {
    CHECK(entry.index >= before_first_.index, "what was dropped stays so");
    CHECK(is_edge(entry.index.next()), "whole batches are dropped");
    const Iterator kept = entry.index < last().index ? find(entry.index.next()) : batches_.cend();
    if (kept != batches_.cbegin()) CHECK(std::prev(kept)->last() == entry, "another entry");
    batches_.erase(batches_.cbegin(), kept);
    before_first_ = entry;
}

void BatchIndex::restart_after(EntryId entry) {
    batches_.clear();
    before_first_ = entry;
}

BatchIndex::Iterator BatchIndex::find(LogIndex from) const {
    if (from < first()) return batches_.end();
    return std::upper_bound(batches_.begin(), batches_.end(), from,
                            [](LogIndex index, const BatchLocation& b) { return index < b.end(); });
}

std::vector<EntryId> BatchIndex::term_starts() const {
    std::vector<EntryId> starts;
    for (const BatchLocation& b : batches_)
        if (starts.empty() || starts.back().term != b.term) starts.push_back({b.first, b.term});
    return starts;
}

}  // namespace raftbus
