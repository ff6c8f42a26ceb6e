// search_plan: the operations on one key, made ready for the linearizability search.
//
// Owns: their order in time, by revision, and among equals. Must not know: how the search goes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/history.hpp"
#include "sim/register_model.hpp"
#include "sim/timeline.hpp"

namespace raftbus::sim {

using Index = Timeline::Index;
inline constexpr Index kNone = Timeline::kNone;

// One operation in the search. Positions number the begins and ends of all operations by time, from
// 1; where a begin and an end are of one moment, the begin comes first.
struct Step {
    const Operation* operation = nullptr;
    RegisterMove move;
    Index begin = kNone;        // position
    Index end = kNone;          // position; kNone if the outcome is unknown
    Index rank = kNone;         // among those that name revisions; kNone: it names none
    Index twin_before = kNone;  // the last unknown write before this one that equals it
    std::size_t bit = 0;        // in PlacedBits
    bool is_unknown() const { return end == kNone; }
};

struct SearchPlan {
    // By begin: first those of known outcome, then the writes of unknown outcome that may matter.
    std::vector<Step> steps;
    std::size_t known_count = 0;
    std::vector<std::size_t> rank_sizes;  // steps per rank, from rank 0
    Timeline timeline;                    // of the known ones

    // Of PlacedBits: its first two groups, and all.
    std::size_t known_words = 0;
    std::size_t unknown_words = 0;
    std::size_t words = 0;
};

// `operations` are of one key, in any order, and outlive the plan.
SearchPlan plan_search(std::span<const Operation* const> operations);

}  // namespace raftbus::sim
