// sim_picture: a simulated cluster at one moment, a row per node.
#pragma once

#include "cli/output.hpp"
#include "sim/cluster.hpp"

namespace raftbus::cli {

// node, role, term, log (index/term), durable, commit, applied, cut off from. Of a node that is
// down only what it is cut off from; an arrow where one direction alone is cut.
Records picture_of(const sim::Cluster& cluster, bool unicode);

}  // namespace raftbus::cli
