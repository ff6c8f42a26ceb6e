// sim_run: one seed, from its beginning to its summary; on a terminal with the cluster in sight.
#pragma once

#include "cli/sim_settings.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {

// Plays settings.run.seed and prints what came of it. What failed is played again to print the
// messages before it.
Exit play_seed(Session& session, const SimSettings& settings);

}  // namespace raftbus::cli
