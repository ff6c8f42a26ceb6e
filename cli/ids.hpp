// ids: those that are drawn at random, and the name by which a cluster's files know it.
#pragma once

#include <cstdint>
#include <string>

#include "cli/value.hpp"

namespace raftbus::cli {

// Of a data directory: drawn at random, never 0.
std::uint64_t draw_id();

// What identity files call the cluster, from a STATUS: its name, which an older release shows as
// its id.
std::string cluster_name(const Value& status);

}  // namespace raftbus::cli
