// kv_gaps: ranges in which scans have found no key. A client that deletes a million keys leaves as
// many entries behind which say so; a scan passes over them once, and hops over the gap from then on.
//
// Owns: the gaps, and that they stay true when keys are set and erased. A cache: losing it costs
// time, and the answers are the same with it and without. Must not know: layers.
#pragma once

#include <absl/container/btree_map.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace raftbus {

struct GapLimits {
    std::size_t gaps_max = 65'536;
    std::uint64_t bytes_max = 32 << 20;  // of the keys where they begin and end
};

class KvGaps {
public:
    // Where a gap ends; none: behind the last key.
    using End = std::optional<std::string>;

    explicit KvGaps(const GapLimits& limits = {}) : limits_(limits) {}

    // No key lies from `begin`, inclusive, to `end`, exclusive. Beyond the limits all that was known
    // before is forgotten.
    void add(std::string_view begin, const End& end);
    // The end of the gap that the key lies in; null: it lies in none. Good until the next change.
    const End* find(std::string_view key) const;
    void key_set(std::string_view key) {
        if (!gaps_.empty()) split(key);
    }
    void key_erased(std::string_view key) {
        if (!gaps_.empty()) close(key);
    }
    void clear();
    std::size_t size() const { return gaps_.size(); }
    std::uint64_t bytes() const { return bytes_; }

private:
    using Map = absl::btree_map<std::string, End, std::less<>>;

    void split(std::string_view key);
    void close(std::string_view key);
    Map::const_iterator holding(std::string_view key) const;
    void insert(std::string begin, End end);
    void erase(Map::const_iterator gap);
    static std::uint64_t bytes_of(const Map::value_type& gap) {
        return gap.first.size() + (gap.second ? gap.second->size() : 0);
    }

    GapLimits limits_;
    Map gaps_;  // by where they begin; no two touch each other
    std::uint64_t bytes_ = 0;
};

// No key is as long as this many bytes 0xff: they lie behind all of them.
inline constexpr std::size_t kBehindAllKeys = 64 << 10;
// The first key behind this one.
inline std::string successor(std::string_view key) {
    return std::string(key) + '\0';
}

}  // namespace raftbus
