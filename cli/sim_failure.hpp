// sim_failure: what went before the failure of a simulated run.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "cli/sim_settings.hpp"
#include "cli/sim_summary.hpp"

namespace raftbus::cli {

// Plays the failed run again up to its failure. Returns the last of its messages that the filter
// of `options` wants, at most 30, in the view that `settings` ask for.
std::string last_messages(const Output& output, const Options& options, const SimSettings& settings,
                          const SimReport& failed);

}  // namespace raftbus::cli
