// wakeup: rouses a worker from another thread or from a signal handler.
#pragma once

#include <functional>

#include "bus/source.hpp"

namespace raftbus {

class Wakeup final : public Source {
public:
    // `woken` runs in the worker's thread, once for any number of calls of wake() before it.
    explicit Wakeup(std::function<void()> woken);
    ~Wakeup() override;
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    // Safe in threads and in signal handlers.
    void wake() noexcept;

    int fd() const override { return fd_; }
    bool take(std::size_t bound) override;

private:
    int fd_;
    std::function<void()> woken_;
};

}  // namespace raftbus
