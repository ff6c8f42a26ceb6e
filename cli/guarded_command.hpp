// guarded_command: a child process that runs as long as it may.
//
// Owns: its start, its signals and its end. Must not know: why it may run.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace raftbus::cli {

class GuardedCommand {
public:
    using Clock = std::chrono::steady_clock;
    using Variables = std::vector<std::pair<std::string, std::string>>;

    // Starts it, with these variables beside the environment. If this process dies, however that
    // happens, the kernel kills the child. Throws Failure if it can not be started: exit status 127
    // if there is no such command, 126 if it is not executable.
    GuardedCommand(const std::vector<std::string>& words, const Variables& variables);
    // Kills it if it still runs.
    ~GuardedCommand();
    GuardedCommand(const GuardedCommand&) = delete;
    GuardedCommand& operator=(const GuardedCommand&) = delete;

    // Waits until it has ended, or until then, or until a signal comes to this process. Returns
    // its exit status, 128 + the signal's number if one ended it; none: it runs.
    std::optional<int> wait(Clock::time_point until);
    void send(int signal);

private:
    pid_t child_ = 0;  // 0: it has ended, and nobody else may get its signals
    int ended_ = -1;   // can be polled
    std::optional<int> status_;
};

}  // namespace raftbus::cli
