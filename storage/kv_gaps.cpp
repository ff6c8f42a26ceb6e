#include "storage/kv_gaps.hpp"

#include <utility>

namespace raftbus {

KvGaps::Map::const_iterator KvGaps::holding(std::string_view key) const {
    auto after = gaps_.upper_bound(key);
    if (after == gaps_.begin()) return gaps_.end();
    --after;
    return !after->second || key < *after->second ? after : gaps_.end();
}

const KvGaps::End* KvGaps::find(std::string_view key) const {
    if (gaps_.empty()) return nullptr;
    const auto gap = holding(key);
    return gap == gaps_.end() ? nullptr : &gap->second;
}

void KvGaps::insert(std::string begin, End end) {
    const auto [at, fresh] = gaps_.emplace(std::move(begin), std::move(end));
    if (fresh) bytes_ += bytes_of(*at);
}

void KvGaps::erase(Map::const_iterator gap) {
    bytes_ -= bytes_of(*gap);
    gaps_.erase(gap);
}

// Takes in those that it overlaps or touches.
void KvGaps::add(std::string_view begin, const End& end) {
    if (end && *end <= begin) return;
    std::string first(begin);
    End last = end;
    auto at = gaps_.upper_bound(begin);
    if (at != gaps_.begin()) {
        const auto before = std::prev(at);
        if (!before->second || *before->second >= begin) at = before;
    }
    while (at != gaps_.end() && (!last || at->first <= *last)) {
        if (at->first < first) first = at->first;
        if (last && (!at->second || *at->second > *last)) last = at->second;
        bytes_ -= bytes_of(*at);
        at = gaps_.erase(at);
    }
    if (gaps_.size() >= limits_.gaps_max || bytes_ >= limits_.bytes_max) clear();
    insert(std::move(first), std::move(last));
}

// The key lies in no gap any longer; both sides of it still do.
void KvGaps::split(std::string_view key) {
    const auto gap = holding(key);
    if (gap == gaps_.end()) return;
    std::string begin = gap->first;
    End end = gap->second;
    erase(gap);
    if (begin < key) insert(std::move(begin), std::string(key));
    std::string behind = successor(key);
    if ((!end || behind < *end) && gaps_.size() < limits_.gaps_max && bytes_ < limits_.bytes_max)
        insert(std::move(behind), std::move(end));
}

// What lies between the two gaps at its sides, or makes one of them longer.
void KvGaps::close(std::string_view key) {
    const auto after = gaps_.upper_bound(key);
    const bool before = after != gaps_.begin() && std::prev(after)->second == key;
    const bool behind = after != gaps_.end() && after->first == successor(key);
    if (before || behind) add(key, successor(key));
}

void KvGaps::clear() {
    gaps_.clear();
    bytes_ = 0;
}

}  // namespace raftbus
