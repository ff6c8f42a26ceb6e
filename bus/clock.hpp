// clock: the two clocks of a node, which actors read through Context alone; and what its threads
// used of a processor, which they do not.
#pragma once

#include <ctime>

#include "messages/types.hpp"

namespace raftbus {

namespace detail {
inline std::int64_t read_us(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return std::int64_t(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}
}  // namespace detail

// Never goes back, and goes on while the machine sleeps: leases and promises are judged by it.
inline Moment steady_now() {
    return Moment(Duration(detail::read_us(CLOCK_BOOTTIME)));
}

// The system's idea of the time of day; may jump.
inline WallTime wall_now() {
    return WallTime(detail::read_us(CLOCK_REALTIME));
}

// As libzmq wants durations.
inline int milliseconds_of(Duration duration) {
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// Of the processor, by the calling thread. A system call.
inline Duration thread_time() {
    return Duration(detail::read_us(CLOCK_THREAD_CPUTIME_ID));
}

}  // namespace raftbus
