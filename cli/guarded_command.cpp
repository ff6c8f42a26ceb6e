#include "cli/guarded_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/display.hpp"
#include "cli/failure.hpp"

extern char** environ;

namespace raftbus::cli {
namespace {

constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

std::vector<std::string> environment_with(const GuardedCommand::Variables& variables) {
    std::vector<std::string> all;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view setting(*at);
        const std::string_view name = setting.substr(0, setting.find('='));
        const bool replaced = std::any_of(variables.begin(), variables.end(),
                                          [&](const auto& pair) { return pair.first == name; });
        if (!replaced) all.emplace_back(setting);
    }
    for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
    return all;
}

// In the child: only what is safe between fork and exec. What goes wrong is written to `errors`.
[[noreturn]] void become(char* const* words, char* const* variables, pid_t parent, int errors) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) execvpe(words[0], words, variables);
    const int error = errno;
    (void)!write(errors, &error, sizeof error);
    _exit(kNotFound);
}

}  // namespace

GuardedCommand::GuardedCommand(const std::vector<std::string>& words, const Variables& variables) {
    std::vector<std::string> own_words = words;
    std::vector<std::string> own_variables = environment_with(variables);
    const std::vector<char*> arguments = pointers(own_words);
    const std::vector<char*> environment = pointers(own_variables);
    int errors[2];
    if (pipe2(errors, O_CLOEXEC) != 0) throw Failure(Exit::refused, std::strerror(errno));
    const pid_t parent = getpid();
    child_ = fork();
    if (child_ == 0) become(arguments.data(), environment.data(), parent, errors[1]);
    close(errors[1]);
    int error = errno;
    if (child_ > 0) {
        ssize_t got;
        do got = read(errors[0], &error, sizeof error);
        while (got < 0 && errno == EINTR);
        if (got == 0) error = 0;  // the pipe was closed by exec
    }
    close(errors[0]);
    if (error != 0) {
        if (child_ > 0) waitpid(child_, nullptr, 0);
        child_ = 0;
        const int exit = error == ENOENT ? kNotFound : kNotExecutable;
        throw Failure(static_cast<Exit>(exit),
                      in_quotes(words[0]) + " cannot be run: " + std::strerror(error));
    }
    ended_ = static_cast<int>(syscall(SYS_pidfd_open, child_, 0));
}

GuardedCommand::~GuardedCommand() {
    if (child_ > 0) {
        kill(child_, SIGKILL);
        waitpid(child_, nullptr, 0);
    }
    if (ended_ >= 0) close(ended_);
}

std::optional<int> GuardedCommand::wait(Clock::time_point until) {
    if (status_) return status_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    // Without a descriptor to wait for, look often.
    const std::int64_t longest = ended_ >= 0 ? 60'000 : 20;
    pollfd item{ended_, POLLIN, 0};
    poll(&item, ended_ >= 0 ? 1 : 0,
         static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, longest)));
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) != child_) return std::nullopt;
    child_ = 0;
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return status_;
}

void GuardedCommand::send(int signal) {
    if (child_ > 0) kill(child_, signal);
}

}  // namespace raftbus::cli
