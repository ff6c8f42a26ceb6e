// hunt: plays seeds until a planted bug shows.
//
// Owns: how long it takes, and what is said of it. Must not know: which bugs there are.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sim/simulation.hpp"
#include "tests/planted/bug.hpp"

namespace raftbus::planted {

struct Catch {
    std::uint64_t seed = 0;  // the first that shows the bug, so as many were played
    Duration virtual_time{};
    std::chrono::duration<double> wall_time{};
    sim::RunResult result;  // of that seed
};

// Plays seeds from 1 on; none if the bug has not shown after seeds_max. A history too hard to judge
// shows nothing.
std::optional<Catch> hunt(const Bug& bug);

// Plays the bug's options without the bug. None if the seeds `from` to `to` pass; else what
// failed. To be called in a program that has no mutant in it.
std::optional<std::string> control(const Bug& bug, std::uint64_t from, std::uint64_t to);

// A row of the table in docs/simulator.md.
std::string row_of(const Bug& bug, const Catch& caught);

}  // namespace raftbus::planted
