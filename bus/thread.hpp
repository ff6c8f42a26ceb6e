// thread: what every thread of a node does first.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <csignal>
#include <string>

namespace raftbus {

// Has the calling thread run on that processor alone. False: it can not.
inline bool pin_thread(int cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<std::size_t>(cpu), &cpus);
    return pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus) == 0;
}

// Names the thread for the tools of the system (15 letters are kept), and leaves all signals to the
// process's own thread.
inline void enter_thread(const std::string& name) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace raftbus
