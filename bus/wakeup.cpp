#include "bus/wakeup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace raftbus {

Wakeup::Wakeup(std::function<void()> woken)
    : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), woken_(std::move(woken)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wakeup::~Wakeup() {
    close(fd_);
}

void Wakeup::wake() noexcept {
    const int saved = errno;
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then the worker is being woken already.
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
    errno = saved;
}

bool Wakeup::take(std::size_t) {
    std::uint64_t count = 0;
    if (read(fd_, &count, sizeof count) == sizeof count) woken_();
    return false;
}

}  // namespace raftbus
