// sole_survivor: makes one node the only voter of its cluster, when the majority is lost for ever.
//
// Owns: what the new configuration says and how it gets into the log. Must not know: whether that
// is wise. Entries that the others had committed and this node never got are lost by it.
#pragma once

#include <optional>
#include <vector>

#include "messages/membership.hpp"
#include "messages/result.hpp"
#include "storage/inspection.hpp"

namespace raftbus {

struct SoleSurvivor {
    Configuration configuration;  // in which this node alone votes; all others are removed
    Term term;                    // of the entry that says so: newer than all that it knows of
    LogIndex end;                 // of the log: what follows up to that entry is given to nobody
    LogIndex index;               // of that entry
    WallTime time;                // of the cluster, which never falls in a log
};

// From a directory that is sound. `random` tells the new incarnation from all others. The error says
// why it cannot be done.
Result<SoleSurvivor> plan_sole_survivor(const Inspection& found, std::uint64_t random);

// Writes it at the log's end, durably. A crash leaves it or not; planned anew it may be done again.
// The error says what is in the way: the membership is as it was then.
Status become_sole_survivor(Disk& disk, const Inspection& found, const SoleSurvivor& plan);

}  // namespace raftbus
