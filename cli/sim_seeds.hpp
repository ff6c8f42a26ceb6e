// sim_seeds: many seeds, in several threads at a time.
#pragma once

#include "cli/sim_settings.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {

// Plays settings.seeds. Prints each failure when it is found, and a summary. The gravest failure
// decides; if there was none but a signal came, Failure{interrupted or terminated} is thrown.
Exit play_seeds(Session& session, const SimSettings& settings);

}  // namespace raftbus::cli
