// kv_table: what changed since the last flush, in the order of the keys. A deletion is an entry
// too, since it hides what lies in the layers beneath.
//
// Owns: the entries and the memory of their bytes, which is given back all at once with the table.
#pragma once

#include <absl/container/btree_map.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/table_key.hpp"

namespace raftbus {

// Memory that only grows, in large blocks.
class Arena {
public:
    // Never null; aligned to 8; valid until the arena goes.
    char* allocate(std::size_t bytes);

private:
    static constexpr std::size_t kBlockBytes = 256 << 10;
    static constexpr std::size_t kAlignment = 8;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* free_ = nullptr;
    std::size_t free_bytes_ = 0;
};

class KvTable {
public:
    // What the table says of a key.
    struct Record {
        std::uint64_t revision;
        std::uint32_t size;  // of the value, which stands behind the record
        std::uint32_t room;  // for it
        std::string_view value() const { return {reinterpret_cast<const char*>(this + 1), size}; }
    };
    // A null record: the key was deleted.
    using Map = absl::btree_map<TableKey, Record*, TableKeyOrder>;

    void set(std::string_view key, std::string_view value, std::uint64_t revision);
    void erase(std::string_view key);

    const Map& entries() const { return entries_; }
    // The key's entry, a deletion too; entries().end() if the table knows nothing of the key.
    Map::const_iterator find(std::string_view key) const { return entries_.find(TableKey(key)); }

    // Of memory, about; never falls. Values that were replaced by larger ones count on.
    std::uint64_t bytes() const { return bytes_; }
    // About how many more keys there are than in the layers beneath. A key that was set counts as
    // new.
    std::int64_t more_keys() const { return more_keys_; }

private:
    Record*& record(std::string_view key);
    Record* make_record(std::string_view value);
    char* allocate(std::size_t bytes);

    Arena arena_;  // the bytes of long keys; the records
    Map entries_;
    std::uint64_t bytes_ = 0;
    std::int64_t more_keys_ = 0;
};

}  // namespace raftbus
