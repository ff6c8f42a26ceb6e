// node_process: a node put together from storage, actors and bus, and its life as a process.
//
// Owns: the order in which things are opened and closed, the data directory's identity, signals.
#pragma once

#include "cli/failure.hpp"
#include "cli/node_options.hpp"

namespace raftbus::cli {

// Runs until a signal ends it: SIGINT and SIGTERM stop it in good order, a second one at once;
// SIGUSR1 writes what its threads did last to the log. Returns done or fatal; throws
// Failure{refused} for what keeps it from starting.
Exit run_node_process(const NodeSettings& settings);

}  // namespace raftbus::cli
