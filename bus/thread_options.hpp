// thread_options: what a node is told about the processors that it may use.
#pragma once

#include <vector>

#include "messages/types.hpp"

namespace raftbus {

// How a node's threads use the processors.
struct ThreadOptions {
    // How long a thread that has run out of work looks for more before it sleeps. 0: not at all.
    // What would wake it comes sooner by a wake-up, for a processor that it keeps busy meanwhile.
    Duration spin{0};
    // Which processor each runs on: the workers in their order, then libzmq's thread for all
    // sockets; from the beginning again if there are fewer. Empty: where the system likes.
    std::vector<int> cpus;
};

}  // namespace raftbus
