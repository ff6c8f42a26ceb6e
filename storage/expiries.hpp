// expiries: which keys are to go, and when: an index over the expires_at of their records, in the
// order of (time, key), all of it in memory.
//
// Owns: the index, and what of it has changed since the last flush. An entry may be stale: the
// record under the key says whether its expires_at is still that one. So a write that replaces a
// record which lies beneath the newest table need not look it up. Must not know: records, clocks.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "messages/types.hpp"

namespace raftbus {

class KvTable;

class Expiries {
public:
    struct Entry {
        WallTime at;
        std::string key;
        auto operator<=>(const Entry&) const = default;
    };

    void add(WallTime at, std::string_view key);
    // Does nothing if there is no such entry.
    void remove(WallTime at, std::string_view key);
    // The first entry whose time is at `clock` or before; null: there is none. Good until the next
    // change.
    const Entry* due(WallTime clock) const;
    // When the first entry is due.
    std::optional<WallTime> next() const;
    std::size_t size() const { return entries_.size(); }

    // What has changed since the last call: whether the entry is there.
    using Changes = absl::btree_map<Entry, bool>;
    Changes take_changes() { return std::exchange(changed_, {}); }
    // Notes it in the table, for the layer beneath: 'x', the time (8 bytes, big endian) and the key,
    // with no content; or that this is gone. There may be a million: work for another thread.
    static void note(const Changes& changes, KvTable& table);
    // Takes in what such a note says. False if it is none.
    bool load(std::string_view note);
    static constexpr char kSpace = 'x';

private:
    absl::btree_set<Entry> entries_;
    Changes changed_;
};

}  // namespace raftbus
