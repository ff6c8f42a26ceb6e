#include "cli/sim_replay.hpp"

#include <fmt/format.h>

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

// In the largest unit that loses nothing.
std::string exactly(Duration time) {
    if (time % 1s == 0s) return fmt::format("{}s", time / 1s);
    if (time % 1ms == 0ms) return fmt::format("{}ms", time / 1ms);
    return fmt::format("{}us", time.count());
}

}  // namespace

std::string replay_command(const sim::RunOptions& run) {
    std::string command = fmt::format("raftbus sim --seed {}", run.seed);
    if (run.nodes) command += fmt::format(" --nodes {}", *run.nodes);
    if (run.clients) command += fmt::format(" --clients {}", *run.clients);
    if (run.duration != sim::RunOptions().duration)
        command += fmt::format(" --duration {}", exactly(run.duration));
    if (run.faults) command += fmt::format(" --faults {}", sim::to_text(*run.faults));
    if (run.without.any()) command += fmt::format(" --without {}", sim::to_text(run.without));
    if (run.strikes)
        command += run.strikes->empty()
                       ? " --strikes none"
                       : fmt::format(" --strikes {}", fmt::join(*run.strikes, ","));
    return command;
}

}  // namespace raftbus::cli
