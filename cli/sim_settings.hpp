// sim_settings: what `raftbus sim` is asked to do.
//
// Owns: the verb's options, and what they mean for a run. Must not know: how a run goes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/options.hpp"
#include "sim/plan.hpp"

namespace raftbus::cli {

// Both ends are played.
struct SeedRange {
    std::uint64_t first = 1;
    std::uint64_t last = 1;
    bool operator==(const SeedRange&) const = default;
};

enum class TraceView { lines, diagram };

struct SimSettings {
    sim::RunOptions run;
    std::optional<SeedRange> seeds;  // none: run.seed alone
    unsigned jobs = 1;
    bool stop_on_failure = false;
    bool interactive = false;
    bool verbose = false;
    bool trace = false;  // show all messages of the run
    bool shrink = true;  // look for a smaller run if one fails
    TraceView view = TraceView::lines;
    double speed = 0;  // virtual seconds a second; 0: as fast as it goes
};

const std::vector<OptionSpec>& sim_option_specs();

// `draw_seed` is asked where none is given. `watched`: a person looks on, so the run is paced.
// Throws Failure{refused}.
SimSettings sim_settings(const Options& options, const std::function<std::uint64_t()>& draw_seed,
                         bool watched);

// "crash,power" and "none". Throws Failure{refused} with what may have been meant; `where` names
// the option.
sim::Faults faults_from(std::string_view list, std::string_view where);

}  // namespace raftbus::cli
