#include "storage/posix_calls.hpp"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "storage/disk.hpp"

namespace raftbus::posix {

std::string error_text(int error) {
    return std::generic_category().message(error);
}

bool no_room(int error) {
    return error == ENOSPC || error == EDQUOT;
}

void fail(const std::string& what, const std::string& name, int error) {
    throw DiskFailed(what + " " + name + ": " + error_text(error));
}

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

iovec to_iovec(std::string_view part) {
    return {const_cast<char*>(part.data()), part.size()};
}

int write_all(int fd, std::uint64_t offset, std::vector<iovec> parts) {
    std::size_t next = 0;
    while (next < parts.size()) {
        const int count = static_cast<int>(std::min<std::size_t>(parts.size() - next, IOV_MAX));
        const ssize_t wrote = ::pwritev(fd, &parts[next], count, static_cast<off_t>(offset));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno;
        auto left = static_cast<std::size_t>(wrote);
        offset += left;
        while (next < parts.size() && left >= parts[next].iov_len) left -= parts[next++].iov_len;
        if (next < parts.size() && left > 0) {
            parts[next].iov_base = static_cast<char*>(parts[next].iov_base) + left;
            parts[next].iov_len -= left;
        }
    }
    return 0;
}

}  // namespace raftbus::posix
