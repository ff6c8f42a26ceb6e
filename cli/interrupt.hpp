// interrupt: Ctrl-C as a question that can be asked.
//
// Owns: the process's handlers of SIGINT and SIGTERM, which only note that the signal came; a
// system call that waits returns with EINTR, and its caller asks here.
#pragma once

namespace raftbus::cli {

// Installs the handlers. With `twice_ends`, a second signal ends the process at once (exit 130,
// 143).
void watch_interrupts(bool twice_ends = false);

// SIGINT or SIGTERM if one came since the last call of clear_interrupt, else 0.
int interrupt_pending();
void clear_interrupt();

// Throws Failure{interrupted or terminated} if one is pending. `message` says what that leaves
// open.
void throw_if_interrupted(const char* message = "interrupted");

}  // namespace raftbus::cli
