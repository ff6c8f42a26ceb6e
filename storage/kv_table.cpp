#include "storage/kv_table.hpp"

#include <cstring>
#include <new>

namespace raftbus {
namespace {

constexpr std::size_t kRecordBytesMax = (std::size_t{1} << 31) - 1;  // what `room` can hold

}  // namespace

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

WallTime KvTable::Record::expires_at() const {
    WallTime at;
    if (timed) std::memcpy(&at, bytes(), sizeof at);
    return at;
}

WallTime KvTable::set(std::string_view key, std::string_view value, std::uint64_t revision,
                      WallTime expires_at) {
    const std::size_t before = expires_at ? sizeof expires_at : 0;
    const std::size_t bytes = before + value.size();
    CHECK(bytes <= kRecordBytesMax);
    Record*& at = record(key);
    if (!at) ++more_keys_;
    const WallTime replaced = at ? at->expires_at() : WallTime();
    if (!at || at->room < bytes) at = make_record(bytes);
    if (expires_at) std::memcpy(at->bytes(), &expires_at, sizeof expires_at);
    value.copy(at->bytes() + before, value.size());
    at->size = static_cast<std::uint32_t>(value.size());
    at->timed = bool(expires_at);
    at->revision = revision;
    return replaced;
}

WallTime KvTable::erase(std::string_view key) {
    Record*& at = record(key);
    const WallTime replaced = at ? at->expires_at() : WallTime();
    at = nullptr;
    --more_keys_;
    return replaced;
}

void KvTable::note(std::string name, std::optional<std::string> content) {
    notes_.insert_or_assign(std::move(name), std::move(content));
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

KvTable::Record* KvTable::make_record(std::size_t bytes) {
    static_assert(alignof(Record) <= 8);
    static_assert(sizeof(Record) == 16);
    const auto room = static_cast<std::uint32_t>(bytes);
    return new (allocate(sizeof(Record) + room)) Record{0, 0, room, 0};
}

char* KvTable::allocate(std::size_t bytes) {
    bytes_ += bytes;
    return arena_.allocate(bytes);
}

}  // namespace raftbus
