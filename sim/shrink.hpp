// shrink: makes a failing run smaller while it still fails: fewer nodes, clients, kinds of faults
// and strikes, and less time.
//
// Owns: the order in which things are left out. Must not know: what any of them does. Works because
// every part of a plan is drawn from a seed of its own (plan.hpp).
//
// After Zeller & Hildebrandt's delta debugging (2002): halves of what is left are taken away first,
// then smaller parts, until no single one can go.
#pragma once

#include <functional>

#include "sim/simulation.hpp"

namespace raftbus::sim {

struct Shrunk {
    RunOptions options;  // the smallest run that was found; says everything it leaves out
    RunResult result;    // of that run
    std::size_t tries = 0;
};

// `failed` is the result of the run of `options`. A run counts as failing alike if it ends in the
// same way. Plays at most `tries_max` runs; `go_on` is asked before each.
Shrunk shrink(
    const RunOptions& options, const RunResult& failed, std::size_t tries_max = 200,
    const std::function<bool()>& go_on = [] { return true; });

}  // namespace raftbus::sim
