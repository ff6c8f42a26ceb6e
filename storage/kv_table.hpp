// kv_table: what changed since the last flush, in the order of the keys. A deletion is an entry
// too, since it hides what lies in the layers beneath.
//
// Single keys are found by hash: a search in the tree misses the cache once a level. Only a key
// that is new to the table is put into its place in the order.
//
// Owns: the entries and the memory of their bytes, which is given back all at once with the table.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/types.hpp"
#include "storage/table_key.hpp"

namespace raftbus {

// Memory that only grows, in large blocks, which go back to the system with the arena: what malloc
// gets back it might keep.
class Arena {
public:
    // Never null; aligned to 8; valid until the arena goes.
    char* allocate(std::size_t bytes);

private:
    static constexpr std::size_t kBlockBytes = 1 << 20;
    static constexpr std::size_t kLarge = 64 << 10;  // what gets a block of its own
    static constexpr std::size_t kAlignment = 8;
    struct Unmap {
        void operator()(char* block) const;
    };

    std::vector<std::unique_ptr<char, Unmap>> blocks_;
    std::vector<std::unique_ptr<char[]>> large_;
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
    // Stays where it is as long as the table.
    struct Entry {
        TableKey key;
        Record* record;  // null: the key was deleted
    };
    using Map = absl::btree_map<TableKey, const Entry*, TableKeyOrder>;

    // `keys`: as many as there may be soon; it grows beyond.
    explicit KvTable(std::size_t keys = 0) { index_.reserve(keys); }

    // Both return when the record that they replace here was to expire; 0: never, or there is none.
    WallTime set(std::string_view key, std::string_view value, std::uint64_t revision,
                 WallTime expires_at = {});
    WallTime erase(std::string_view key);
    // What is to be written beside the keys: a record of that name, or that there is none. A name
    // begins with a byte that says whose it is.
    void note(std::string name, std::optional<std::string> content);

    const Map& entries() const { return entries_; }
    // A deletion too; null: the table knows nothing of the key.
    const Entry* find(std::string_view key) const;
    // These are asked for next: has the memory that this takes fetched, without waiting for it.
    void expect(std::span<const std::string_view> keys) const;
    using Notes = absl::btree_map<std::string, std::optional<std::string>>;
    const Notes& notes() const { return notes_; }

    // Of memory, about; never falls. Values that were replaced by larger ones count on.
    std::uint64_t bytes() const { return bytes_; }
    // About how many more keys there are than in the layers beneath. A key that was set counts as
    // new.
    std::int64_t more_keys() const { return more_keys_; }

private:
    // The hash is kept, so that growing need not look at keys all over the memory.
    struct Place {
        std::size_t hash;
        Entry* entry;
    };
    struct Wanted {
        std::size_t hash;
        std::string_view key;
    };
    struct Hash {  // of some key: a place is as good as found, without a look at its entry
        std::size_t hash;
    };
    struct PlaceHash {
        using is_transparent = void;
        std::size_t operator()(const Place& place) const { return place.hash; }
        std::size_t operator()(const Wanted& wanted) const { return wanted.hash; }
        std::size_t operator()(const Hash& hash) const { return hash.hash; }
    };
    struct SamePlace {
        using is_transparent = void;
        bool operator()(const Place& a, const Place& b) const { return a.entry == b.entry; }
        bool operator()(const Place& a, const Wanted& b) const {
            return a.hash == b.hash && a.entry->key.view() == b.key;
        }
        bool operator()(const Place& a, const Hash& b) const { return a.hash == b.hash; }
    };

    static Wanted wanted(std::string_view key);
    Record*& record(std::string_view key);
    Entry* make_entry(std::string_view key);
    Record* make_record(std::size_t bytes);
    char* allocate(std::size_t bytes);

    Arena arena_;  // the entries; the bytes of long keys; the records
    absl::flat_hash_set<Place, PlaceHash, SamePlace> index_;
    Map entries_;
    Notes notes_;
    std::uint64_t bytes_ = 0;
    std::int64_t more_keys_ = 0;
};

}  // namespace raftbus
