#include "bus/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace raftbus {
namespace {

// Connections that were accepted, and are not served: on their way in, or on their way out.
constexpr std::uint64_t kInBetweenMin = 4;
constexpr std::uint64_t kInBetweenMax = 4'096;
constexpr std::uint64_t kInBetweenPart = 4;  // a quarter of what there is

}  // namespace

std::uint64_t open_files_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    return limit.rlim_cur;
}

std::uint64_t raise_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);  // refused: it stays as it is
    }
    return open_files_limit();
}

std::uint64_t open_files() {
    std::error_code failed;
    std::filesystem::directory_iterator file("/proc/self/fd", failed);
    std::uint64_t count = 0;
    // No file is left to look with.
    if (failed == std::errc::too_many_files_open ||
        failed == std::errc::too_many_files_open_in_system)
        return UINT64_MAX;
    for (; !failed && file != std::filesystem::directory_iterator(); file.increment(failed))
        ++count;
    return count;
}

ClientFiles share_files(std::uint64_t limit, std::uint64_t used, std::uint64_t reserve,
                        std::uint64_t wanted) {
    const std::uint64_t others = used + reserve;
    const std::uint64_t room = limit > others ? limit - others : 0;
    const std::uint64_t between = std::clamp(room / kInBetweenPart, kInBetweenMin, kInBetweenMax);
    const std::uint64_t served = room > between ? room - between : 0;
    const std::uint64_t connections = std::max<std::uint64_t>(std::min(wanted, served), 1);
    return {connections, connections + between};
}

}  // namespace raftbus
