#include "storage/kv_table.hpp"

#include <new>

namespace raftbus {

char* Arena::allocate(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes > kBlockBytes / 4) {  // a block of its own, so that little of the current one is lost
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
        return blocks_.back().get();
    }
    if (bytes > free_bytes_ || !free_) {
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
        free_ = blocks_.back().get();
        free_bytes_ = kBlockBytes;
    }
    char* taken = free_;
    free_ += bytes;
    free_bytes_ -= bytes;
    return taken;
}

void KvTable::set(std::string_view key, std::string_view value, std::uint64_t revision) {
    CHECK(value.size() <= std::numeric_limits<std::uint32_t>::max());
    Record*& at = record(key);
    if (!at) ++more_keys_;
    if (!at || at->room < value.size()) at = make_record(value);
    value.copy(reinterpret_cast<char*>(at + 1), value.size());
    at->size = static_cast<std::uint32_t>(value.size());
    at->revision = revision;
}

void KvTable::erase(std::string_view key) {
    record(key) = nullptr;
    --more_keys_;
}

// The key's place; null in it, if it is new.
KvTable::Record*& KvTable::record(std::string_view key) {
    const TableKey wanted(key);
    auto at = entries_.lower_bound(wanted);
    if (at == entries_.end() || TableKey::compare(at->first, wanted) != 0) {
        bytes_ += sizeof(Map::value_type);
        if (!wanted.inside()) {
            char* copy = allocate(key.size());
            key.copy(copy, key.size());
            key = {copy, key.size()};
        }
        at = entries_.try_emplace(at, TableKey(key), nullptr);
    }
    return at->second;
}

KvTable::Record* KvTable::make_record(std::string_view value) {
    static_assert(alignof(Record) <= 8);
    const auto room = static_cast<std::uint32_t>(value.size());
    return new (allocate(sizeof(Record) + room)) Record{0, 0, room};
}

char* KvTable::allocate(std::size_t bytes) {
    bytes_ += bytes;
    return arena_.allocate(bytes);
}

}  // namespace raftbus
