// posix_calls: descriptors and whole writes, for what the file system is asked in this folder.
//
// Owns: closing, going on after interruptions, and how a failure is told.
// Must not know: which files there are.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raftbus::posix {

std::string error_text(int error);
bool no_room(int error);
// Throws DiskFailed: "what name: why".
[[noreturn]] void fail(const std::string& what, const std::string& name, int error);

// A descriptor that is closed in the end; -1: none.
class Fd {
public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

iovec to_iovec(std::string_view part);
// Writes all parts, one after the other, from `offset` on; 0, or the error.
int write_all(int fd, std::uint64_t offset, std::vector<iovec> parts);

}  // namespace raftbus::posix
