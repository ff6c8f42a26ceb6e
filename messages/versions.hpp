// versions: which versions of what nodes say to each other, and of what stands in the log, a node
// knows. Pure. Must not know: what a version means.
//
// A node knows a range. Two nodes work together if their ranges overlap. The cluster speaks one
// version, which stands in the configuration: all members know it, and it never falls. What needs a
// newer one waits until all members know that (docs/operations.md, "Upgrades").
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace raftbus {

struct Versions {
    std::uint32_t oldest = 1;
    std::uint32_t newest = 1;
    bool operator==(const Versions&) const = default;
    bool overlaps(const Versions& other) const {
        return std::max(oldest, other.oldest) <= std::min(newest, other.newest);
    }
};

// Of this release.
inline constexpr Versions kVersions{1, 2};

// "1", or "1..2".
inline std::string to_text(const Versions& versions) {
    const std::string newest = std::to_string(versions.newest);
    return versions.oldest == versions.newest ? newest
                                              : std::to_string(versions.oldest) + ".." + newest;
}

}  // namespace raftbus
