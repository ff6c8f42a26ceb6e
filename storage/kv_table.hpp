// kv_table: what changed since the last flush, in the order of the keys. A deletion is an entry
// too, since it hides what lies in the layers beneath.
//
// Owns: the entries and the memory of their bytes, which is given back all at once with the table.
#pragma once

#include <absl/container/btree_map.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/types.hpp"
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
        std::uint32_t size;       // of the value, which stands behind the record
        std::uint32_t room : 31;  // for it, and for its time
        std::uint32_t timed : 1;  // its time stands before it
        std::string_view value() const { return {bytes() + (timed ? sizeof(WallTime) : 0), size}; }
        WallTime expires_at() const;  // 0: never

    private:
        friend class KvTable;
        const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
        char* bytes() { return reinterpret_cast<char*>(this + 1); }
    };
    // A null record: the key was deleted.
    using Map = absl::btree_map<TableKey, Record*, TableKeyOrder>;

    // Both return when the record that they replace here was to expire; 0: never, or there is none.
    WallTime set(std::string_view key, std::string_view value, std::uint64_t revision,
                 WallTime expires_at = {});
    WallTime erase(std::string_view key);
    // What is to be written beside the keys: a record of that name, or that there is none. A name
    // begins with a byte that says whose it is.
    void note(std::string name, std::optional<std::string> content);

    const Map& entries() const { return entries_; }
    using Notes = absl::btree_map<std::string, std::optional<std::string>>;
    const Notes& notes() const { return notes_; }
    // The key's entry, a deletion too; entries().end() if the table knows nothing of the key.
    Map::const_iterator find(std::string_view key) const { return entries_.find(TableKey(key)); }

    // Of memory, about; never falls. Values that were replaced by larger ones count on.
    std::uint64_t bytes() const { return bytes_; }
    // About how many more keys there are than in the layers beneath. A key that was set counts as
    // new.
    std::int64_t more_keys() const { return more_keys_; }

private:
    Record*& record(std::string_view key);
    Record* make_record(std::size_t bytes);
    char* allocate(std::size_t bytes);

    Arena arena_;  // the bytes of long keys; the records
    Map entries_;
    Notes notes_;
    std::uint64_t bytes_ = 0;
    std::int64_t more_keys_ = 0;
};

}  // namespace raftbus
