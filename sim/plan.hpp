// plan: all that a run does to its cluster, drawn from the seed before it begins.
//
// Owns: the names of the faults, how a run is asked for, and what is drawn. Must not know: how a
// fault is brought about (nemesis).
//
// Swarm testing (Groce et al. 2012): which faults there are, and how often, is itself drawn, so
// some runs have none of one kind. Each strike is drawn from a seed of its own: leaving one out, or
// a whole kind, changes no other. That is what makes a failing plan easy to make smaller.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/network.hpp"
#include "sim/sim_node.hpp"
#include "sim/workload.hpp"

namespace raftbus::sim {

enum class Fault : std::uint8_t {
    // weather: all the time
    delay,      // some messages are late
    loss,       // some are lost
    duplicate,  // some come twice, the second time late
    reorder,    // some overtake others, also of the same pair of actors
    // strikes: at some moment, for some time
    cut,         // a link is cut, in one direction or both
    partition,   // two groups of any size can't reach each other
    clog,        // nothing gets through for a while; then all of it does
    disconnect,  // connections break although both ends live
    crash,       // processes are killed: one, a majority, all
    power,       // the same, and what was not synced is lost, torn, or kept in part
    slow_disk,
    hang,        // a sync takes seconds
    sync_error,  // a sync fails
    full_disk,
    rot,         // a bit of the log changes on the disk
    clock,       // clocks run at other rates
    jump,        // the time of day jumps
    pause,       // a process stands still
    elect,       // a node is told to campaign
    stop,        // a process is stopped in good order
    membership,  // nodes join, leave, are promoted and demoted
    repair,      // a node loses its data, and is rebuilt by its peers as operators have it done
    chase,       // whoever leads is cut off, again and again
};
inline constexpr std::size_t kFaults = 23;
using Faults = std::bitset<kFaults>;

std::string_view to_string(Fault fault);
std::optional<Fault> fault_from_text(std::string_view name);
std::string to_text(const Faults& faults);  // "delay,loss"
inline bool has(const Faults& faults, Fault fault) {
    return faults[static_cast<std::size_t>(fault)];
}
inline Faults all_faults() {
    return Faults().set();
}

// How a run is asked for. What is not given is drawn from the seed.
struct RunOptions {
    std::uint64_t seed = 1;
    std::optional<std::size_t> nodes;  // 1 to 15
    std::optional<std::size_t> clients;
    std::optional<std::size_t> spares;  // machines for nodes that join
    Duration duration = std::chrono::seconds(60);
    std::optional<Faults> faults;                     // none: a drawn choice of all of them
    Faults without;                                   // these are left out of what would be drawn
    std::optional<std::vector<std::size_t>> strikes;  // by number; none: all
    Watcher* watcher = nullptr;
    Tamper* tamper = nullptr;
};

struct Strike {
    std::size_t number = 0;
    Duration at{};  // since the run's beginning
    Fault fault = Fault::crash;
    Duration lasts{};
    std::uint64_t seed = 0;  // for what else there is to draw
};

// How long a disk takes.
struct DiskTimes {
    Duration write_max{20};
    Duration sync_min{50};
    Duration sync_max{500};
};

struct Plan {
    RunOptions asked;
    std::size_t nodes = 3;
    std::size_t spares = 0;  // machines for nodes that join
    Faults faults;           // those that occur
    Weather weather;
    Pace pace;
    DiskTimes disk;
    NodeOptions node;
    std::vector<std::uint32_t> priorities;  // by node, as leaders; empty: none is preferred
    WorkloadOptions workload;
    std::vector<std::int64_t> clock_rates;  // by node, see NodeClock
    std::vector<Strike> strikes;            // in the order of time
};

Plan make_plan(const RunOptions& options);

}  // namespace raftbus::sim
