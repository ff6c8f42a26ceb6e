// bug: a deliberate mistake, and how to look for it.
//
// Owns: what is known of a planted bug before it is played. Must not know: how it is played (hunt).
//
// A bug is planted from outside, without touching an actor: by a liar, which stands between the
// actors and their world (sim::Tamper), or by a mutant, an executable of its own in which one
// source file differs from the tree's in one place (planted_bug() in CMakeLists.txt).
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "sim/plan.hpp"
#include "tests/planted/script.hpp"

namespace raftbus::planted {

using MakeTamper = std::function<std::unique_ptr<sim::Tamper>()>;

struct Bug {
    std::string_view name;
    std::string_view what;     // goes wrong, in a sentence
    std::string_view planted;  // what lies: "message", "disk", "state", or a mutated source file
    std::size_t seeds_max;     // it is found within so many seeds, from 1 on
    sim::RunOptions options;   // but for seed and tamper
    MakeTamper liar;           // makes one for a run; none: the executable is a mutant
    void (*script)(Script&) = nullptr;  // played instead of seeds, on five nodes
};

// Options with these faults alone.
sim::RunOptions only(std::initializer_list<sim::Fault> faults);
// Options without these faults.
sim::RunOptions without(std::initializer_list<sim::Fault> faults);

std::vector<Bug> liars_of_elections();
std::vector<Bug> liars_of_replication();
std::vector<Bug> liars_of_reads();
std::vector<Bug> liars_of_disks();
std::vector<Bug> liars_of_states();
std::vector<Bug> mutants();

// All of them, in the order of the table.
std::vector<Bug> all_bugs();

}  // namespace raftbus::planted
