// sim_replay: the command line that plays a run again.
#pragma once

#include <string>

#include "sim/plan.hpp"

namespace raftbus::cli {

// "raftbus sim --seed 7 --nodes 3 --faults crash --strikes 3,7": with what `run` asks for and no
// more, so that everything else is drawn from the seed again.
std::string replay_command(const sim::RunOptions& run);

}  // namespace raftbus::cli
