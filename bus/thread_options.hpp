// thread_options: what a node is told about the processors that it may use.
#pragma once

#include <cstdint>
#include <vector>

#include "messages/types.hpp"

namespace raftbus {

// Who runs when a thread of the node has been woken and all processors are busy.
enum class Scheduling : std::uint8_t {
    automatic,  // as `batch` while that costs little, else as `normal` (bus/scheduling.hpp)
    batch,      // whoever runs goes on until it has nothing to do, or its time is up (SCHED_BATCH)
    normal,     // the kernel may stop whoever runs (SCHED_OTHER)
};

// How a node's threads use the processors.
struct ThreadOptions {
    // Of all threads of the process. Where each has a processor of its own it makes no difference.
    Scheduling scheduling = Scheduling::automatic;
    // How long a thread that has run out of work looks for more before it sleeps. 0: not at all.
    // What would wake it comes sooner by a wake-up, for a processor that it keeps busy meanwhile.
    Duration spin{0};
    // Which processor each runs on: the workers in their order, then libzmq's thread for all
    // sockets; from the beginning again if there are fewer. Empty: where the system likes.
    std::vector<int> cpus;
};

}  // namespace raftbus
