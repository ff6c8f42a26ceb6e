// interrupt: Ctrl-C as a question that can be asked.
//
// Owns: the process's handlers of signals, which only note that the signal came; a system call that
// waits returns with EINTR, and its caller asks here.
#pragma once

namespace raftbus::cli {

// Installs the handlers. With `twice_ends`, a second signal ends the process at once (exit 130,
// 143).
void watch_interrupts(bool twice_ends = false);

// Notes every signal that would end this process and that somebody may send on purpose, for a
// command that runs under it: also SIGHUP, SIGQUIT, SIGUSR1. Those that are ignored stay so. Each
// is pending as an interrupt, too. SIGPIPE no longer ends the process.
void watch_signals_to_forward();
// Takes one of them out: 0 if there is none. What a terminal sent is left out, since the command
// got it from there.
int take_signal_to_forward();

// The last signal that came since the last call of clear_interrupt, else 0.
int interrupt_pending();
void clear_interrupt();

// Throws Failure with exit code 128 + the signal's number if one is pending: interrupted,
// terminated. `message` says what that leaves open.
void throw_if_interrupted(const char* message = "interrupted");

}  // namespace raftbus::cli
