// sim_summary: what came of a simulated run.
#pragma once

#include <optional>
#include <string>

#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "sim/simulation.hpp"

namespace raftbus::cli {

struct SimReport {
    sim::RunOptions asked;
    std::size_t nodes = 0;
    std::size_t clients = 0;
    sim::Faults faults;
    std::size_t strikes = 0;
    sim::RunResult result;
    bool done = false;  // false: interrupted, and result.ending says nothing
    Duration took{};    // virtual
    double wall_s = 0;
};

// Of a run that is over, or that is left as it stands.
SimReport report_of(sim::Simulation& simulation, double wall_s);

// "passed", "wrong", …, "interrupted"
std::string_view verdict_of(const SimReport& report);
Exit exit_of(sim::Ending ending);
// The one that tells scripts more, if several runs end: wrong before crashed before stuck before
// undecided.
Exit graver(Exit a, Exit b);

std::string summary_text(const Output& output, const SimReport& report);
Value::Map summary_record(const SimReport& report);

// "1,234,567"
std::string grouped(std::uint64_t number);
// Virtual seconds a wall second; 0 if no time passed.
double times_as_fast(Duration took, double wall_s);
// "1,204 times as fast", "0.5 times as fast"
std::string speed_text(Duration took, double wall_s);

}  // namespace raftbus::cli
