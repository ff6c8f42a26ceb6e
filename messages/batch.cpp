#include "messages/batch.hpp"

#include "messages/crc32c.hpp"

namespace raftbus {

bool contiguous(const std::vector<Batch>& batches, LogIndex first) {
    LogIndex expected = first;
    Term term;
    for (const Batch& batch : batches) {
        if (batch.header.first != expected || batch.header.count == 0) return false;
        if (batch.header.term < term) return false;
        expected = batch.header.end();
        term = batch.header.term;
    }
    return true;
}

bool intact(const Batch& batch) {
    const BatchHeader& h = batch.header;
    if (h.first == LogIndex(0) || h.count == 0 || h.term == Term(0)) return false;
    if (h.kind > BatchKind::tick) return false;
    if (h.first.value >= kIndexEnd || h.count >= kIndexEnd - h.first.value) return false;
    const bool alone = h.kind == BatchKind::no_op || h.kind == BatchKind::config;
    if (alone && h.count != 1) return false;
    if (h.kind == BatchKind::commands && h.count > batch.body.size()) return false;
    const bool bare = h.kind == BatchKind::no_op || h.kind == BatchKind::tick;
    if (bare && !batch.body.empty()) return false;
    return crc32c(batch.body.view()) == h.body_crc;
}

}  // namespace raftbus
