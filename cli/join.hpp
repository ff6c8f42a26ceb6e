// join: how a node becomes a member of a cluster that runs (docs/architecture.md, "Membership").
//
// Owns: what is asked of the cluster, in which order, and what the data directory says meanwhile.
// Must not know: how a member is added.
#pragma once

#include <spdlog/logger.h>

#include <optional>

#include "cli/node_options.hpp"
#include "storage/identity.hpp"

namespace raftbus::cli {

// Has this node added by the cluster that `settings.join` belongs to, and returns its identity,
// which is durable then. `begun`: what an earlier try left in the directory, if anything.
// Throws Failure.
//
// The identity is written before the node is added, marked as joining: whoever finds an id among
// the members and no identity on the disk knows that the disk was lost, and must not come back
// under that id, for its votes and acknowledgements are gone.
Identity join_cluster(Disk& disk, const NodeSettings& settings,
                      const std::optional<Identity>& begun, spdlog::logger& log);

}  // namespace raftbus::cli
