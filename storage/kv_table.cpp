#include "storage/kv_table.hpp"

#include <absl/hash/hash.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace raftbus {
namespace {

constexpr std::size_t kRecordBytesMax = (std::size_t{1} << 31) - 1;  // what `room` can hold

}  // namespace

char* Arena::allocate(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes >= kLarge)  // so that little of the current block is lost
        return large_.emplace_back(std::make_unique_for_overwrite<char[]>(bytes)).get();
    if (bytes > free_bytes_ || !free_) {
        void* block = ::mmap(nullptr, kBlockBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) throw std::bad_alloc();
        free_ = blocks_.emplace_back(static_cast<char*>(block)).get();
        free_bytes_ = kBlockBytes;
    }
    char* taken = free_;
    free_ += bytes;
    free_bytes_ -= bytes;
    return taken;
}

void Arena::Unmap::operator()(char* block) const {
    ::munmap(block, kBlockBytes);
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

const KvTable::Entry* KvTable::find(std::string_view key) const {
    const auto at = index_.find(wanted(key));
    return at == index_.end() ? nullptr : at->entry;
}

void KvTable::expect(std::span<const std::string_view> keys) const {
    constexpr std::size_t kAtOnce = 16;
    constexpr std::size_t kLine = 64;
    constexpr std::size_t kLines = 3;  // an entry, and behind it most often a record
    for (; !keys.empty(); keys = keys.subspan(std::min(kAtOnce, keys.size()))) {
        std::array<Hash, kAtOnce> hashes;
        const std::size_t count = std::min(kAtOnce, keys.size());
        for (std::size_t i = 0; i < count; ++i) {
            hashes[i].hash = wanted(keys[i]).hash;
            index_.prefetch(hashes[i]);
        }
        for (std::size_t i = 0; i < count; ++i) {
            const auto at = index_.find(hashes[i]);
            if (at == index_.end()) continue;
            const char* memory = reinterpret_cast<const char*>(at->entry);
            for (std::size_t line = 0; line < kLines; ++line)
                __builtin_prefetch(memory + line * kLine, 1);
        }
    }
}

KvTable::Wanted KvTable::wanted(std::string_view key) {
    return {absl::Hash<std::string_view>()(key), key};
}

// The key's place; null in it, if it is new.
KvTable::Record*& KvTable::record(std::string_view key) {
    const Wanted looked_for = wanted(key);
    const auto at = index_.lazy_emplace(looked_for, [&](const auto& make) {
        make(Place{looked_for.hash, make_entry(key)});
    });
    return at->entry->record;
}

KvTable::Entry* KvTable::make_entry(std::string_view key) {
    char* const memory = allocate(sizeof(Entry));
    if (key.size() > TableKey::kInside) {
        char* copy = allocate(key.size());
        key.copy(copy, key.size());
        key = {copy, key.size()};
    }
    auto* entry = new (memory) Entry{TableKey(key), nullptr};
    entries_.emplace(entry->key, entry);
    bytes_ += sizeof(Map::value_type) + 2 * sizeof(Place);
    return entry;
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
