#include "cli/interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include <csignal>

#include "cli/failure.hpp"

namespace raftbus::cli {
namespace {

// A signal handler can reach nothing but globals.
volatile std::sig_atomic_t g_pending = 0;
volatile std::sig_atomic_t g_twice_ends = 0;

extern "C" void note_signal(int signal) {
    if (g_pending != 0 && g_twice_ends != 0) _exit(128 + signal);
    g_pending = signal;
}

}  // namespace

void watch_interrupts(bool twice_ends) {
    g_twice_ends = twice_ends ? 1 : 0;
    struct sigaction action = {};
    action.sa_handler = note_signal;  // without SA_RESTART: what waits is woken
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

int interrupt_pending() {
    return g_pending;
}
void clear_interrupt() {
    g_pending = 0;
}

void throw_if_interrupted(const char* message) {
    const int signal = interrupt_pending();
    if (signal == 0) return;
    throw Failure(signal == SIGTERM ? Exit::terminated : Exit::interrupted, message);
}

}  // namespace raftbus::cli
