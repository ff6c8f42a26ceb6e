// Leases and promises are judged by a clock that goes on while a machine is suspended. A time
// namespace, in which that clock alone is ahead, plays the suspended machine.
#include "bus/clock.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace raftbus {
namespace {

constexpr int kNoNamespaces = 77;

int ahead_in_a_namespace() {
    const bool namespaces =
        unshare(CLONE_NEWTIME) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWTIME) == 0;
    if (!namespaces) return kNoNamespaces;
    if (!(std::ofstream("/proc/self/timens_offsets") << "boottime 5000 0\n").flush())
        return kNoNamespaces;
    const Moment before = steady_now();
    const pid_t child = fork();  // children alone live in the new namespace
    if (child == 0) _exit(steady_now() - before >= std::chrono::seconds(5000) ? 0 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

TEST(Clock, GoesOnWhileTheMachineIsSuspended) {
    const pid_t child = fork();
    if (child == 0) _exit(ahead_in_a_namespace());
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kNoNamespaces) GTEST_SKIP() << "no time namespaces here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace raftbus
