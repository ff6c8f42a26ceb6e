// preference: when a leader should make room for a node that is preferred to it. Values in, a node
// out.
//
// Owns: for how long the best of the preferred nodes has been well. Must not know: how anybody
// knows that, how leadership is handed over.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "messages/types.hpp"

namespace raftbus {

class Preference {
public:
    struct Candidate {
        NodeId node;
        std::uint32_t priority = 0;
        bool well = false;  // it is heard, and its log is level
    };

    // `own`: the leader's priority. Leadership goes to nobody who has not been well for `settle`,
    // and to nobody twice within it: a node that comes and goes must not take the cluster along.
    Preference(std::uint32_t own, Duration settle) : own_(own), settle_(settle) {}

    // Who is to lead instead, now; none: nobody. To be asked once every heartbeat interval.
    std::optional<NodeId> successor(const std::vector<Candidate>& candidates, Moment now) {
        const Candidate* best = nullptr;
        for (const Candidate& candidate : candidates) {
            if (!candidate.well || candidate.priority <= own_) continue;
            if (best == nullptr || candidate.priority > best->priority) best = &candidate;
        }
        const NodeId favourite = best == nullptr ? NodeId() : best->node;
        if (favourite != favourite_) {
            favourite_ = favourite;
            since_ = now;
        }
        if (!favourite_ || now - since_ < settle_) return std::nullopt;
        since_ = now;
        return favourite_;
    }

private:
    const std::uint32_t own_;
    const Duration settle_;
    NodeId favourite_;  // 0: none
    Moment since_;      // it has been well, or was asked last
};

}  // namespace raftbus
