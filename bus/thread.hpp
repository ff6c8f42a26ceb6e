// thread: what every thread of a node does first.
#pragma once

#include <pthread.h>

#include <csignal>
#include <string>

namespace raftbus {

// Names the thread for the tools of the system (15 letters are kept), and leaves all signals to the
// process's own thread.
inline void enter_thread(const std::string& name) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace raftbus
