#include "cli/interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "cli/failure.hpp"

namespace raftbus::cli {
namespace {

constexpr int kSignals = 65;  // Linux: from 1 to 64

// A signal handler can reach nothing but globals.
volatile std::sig_atomic_t g_pending = 0;
volatile std::sig_atomic_t g_twice_ends = 0;

// Of signals that are passed on: how often each came and was not taken yet is not counted.
volatile std::sig_atomic_t g_to_forward[kSignals] = {};

extern "C" void note_to_forward(int signal, siginfo_t* info, void*) {
    // What a terminal sends goes to the whole group, and so to the command itself.
    const bool of_terminal = info->si_code == SI_KERNEL &&
                             (signal == SIGINT || signal == SIGQUIT || signal == SIGHUP);
    g_pending = signal;
    if (!of_terminal) g_to_forward[signal] = 1;
}

extern "C" void ignore_signal(int) {}

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

void watch_signals_to_forward() {
    struct sigaction action = {};
    action.sa_sigaction = note_to_forward;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    std::vector<int> signals{SIGINT, SIGTERM, SIGHUP,    SIGQUIT, SIGUSR1, SIGUSR2,
                             SIGALRM, SIGPROF, SIGVTALRM, SIGIO,   SIGPWR,  SIGXCPU};
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) signals.push_back(signal);
    for (const int signal : signals) {
        struct sigaction before = {};
        sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);  // nohup
    }
    // A handler, since a command would inherit that it is ignored.
    action = {};
    action.sa_handler = ignore_signal;
    sigaction(SIGPIPE, &action, nullptr);
}

int take_signal_to_forward() {
    for (int signal = 1; signal < kSignals; ++signal) {
        if (g_to_forward[signal] == 0) continue;
        g_to_forward[signal] = 0;
        return signal;
    }
    return 0;
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
    throw Failure(static_cast<Exit>(128 + signal), message);
}

}  // namespace raftbus::cli
