// formation: what a leader puts into the configuration by itself: the version that all members
// know, the cluster's id, and the data directory that each member is bound to. Pure.
//
// Must not know: how a configuration is appended, and when one is committed.
//
// A member counts in majorities with the data directory that it is bound to, and with no other. So
// binding one that was bound to none is safe at any time: the majorities before did without it, and
// two majorities of the same members share one that was bound in both, and to the same directory.
// A directory that takes another's place is a change of the members (DEMOTE).
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "messages/membership.hpp"
#include "messages/types.hpp"

namespace raftbus {

struct Formation {
    NodeId self;
    std::uint64_t disk = 0;                 // of this node; 0: it has no id, and nothing is bound
    std::map<NodeId, std::uint64_t> disks;  // of the peers that answer now; 0: an older release
    std::uint64_t drawn = 0;                // the id for the cluster, if it gets one; not 0

    // For a cluster without an id: the id, and the directories of those who answer, once they are a
    // majority; none: not yet. None of them may be of an older release.
    std::optional<Configuration> first(const Configuration& now) const {
        if (!disk || now.cluster || now.joint()) return std::nullopt;
        Configuration next = bound(now);
        const auto voters = next.halves().front();
        std::size_t with = 0;
        for (const NodeId voter : voters) with += next.disk_of(voter) != 0;
        if (with * 2 <= voters.size() || of_older_release()) return std::nullopt;
        next.cluster = drawn;
        return next;
    }
    // What follows `now`, which is not joint and is committed, at a leader that has committed in
    // its term; `now` itself if nothing does. `version`: that all members know.
    Configuration next(const Configuration& now, std::uint32_t version) const {
        Configuration next = now;
        next.version = std::max(now.version, version);
        if (!disk) return next;
        if (now.cluster) next.formed = true;
        if (!next.cluster && next.version >= 2) next.cluster = drawn;
        return next.cluster ? bound(next) : next;
    }
    bool of_older_release() const {
        for (const auto& [node, disk] : disks)
            if (!disk) return true;
        return false;
    }
    // With the directories of those who answer, where there was none.
    Configuration bound(Configuration now) const {
        for (Member& member : now.members) {
            const auto known = disks.find(member.node);
            if (member.disk) continue;
            if (member.node == self) member.disk = disk;
            if (known != disks.end()) member.disk = known->second;
        }
        return now;
    }
};

}  // namespace raftbus
