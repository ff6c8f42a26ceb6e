// scheduling: whether threads that are woken may interrupt those that run.
//
// A node's threads wake each other all the time. Where they share few processors, letting whoever
// runs finish (SCHED_BATCH) saves a fifth of the work: each finds more waiting for it when its turn
// comes. But then they interrupt nobody else either, and a program that keeps the processors busy
// makes each of them wait for milliseconds. How long a thread waits for its turn, the kernel
// counts: so `automatic` lets others finish for as long as that costs little.
//
// Owns: the policy of all threads of the process. Must not know: what they do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "bus/thread_options.hpp"

namespace raftbus {

// What a thread has gone through since some time: how often it was given a processor, and how long
// altogether it had something to do and had none.
struct Turns {
    std::uint64_t count = 0;
    std::chrono::nanoseconds waited{0};
};

// When to let others finish. A value: it is told everything.
class SchedulingRule {
public:
    // A turn is waited for so long at most, on average. Its own kind alone makes a thread of a busy
    // node wait for 10 to 120 µs.
    static constexpr Duration kWaitMax = std::chrono::microseconds(300);
    // Fewer turns say nothing.
    static constexpr std::uint64_t kTurnsMin = 4;
    // For so long others are interrupted before it is tried again not to; twice as long each time.
    static constexpr Duration kNormalMin = std::chrono::seconds(1);
    static constexpr Duration kNormalMax = std::chrono::seconds(8);
    // So long without waiting, and the next time begins with kNormalMin again.
    static constexpr Duration kGood = std::chrono::seconds(10);

    // `turns` of one thread since the last call. Returns `batch` or `normal`.
    Scheduling next(const Turns& turns, Moment now);

private:
    Scheduling now_ = Scheduling::batch;
    std::optional<Moment> since_;  // it is so
    Duration normal_for_ = kNormalMin;
};

class ThreadScheduling {
public:
    explicit ThreadScheduling(Scheduling how) : how_(how) {}

    // Has the calling thread, and those that it makes from now on, begin as they shall. False: the
    // system does not let it.
    bool begin();
    // From time to time, always in the same thread, whose turns stand for those of all.
    void look(Moment now);

private:
    const Scheduling how_;
    SchedulingRule rule_;
    std::optional<Turns> before_;  // since the thread began
    Scheduling applied_ = Scheduling::batch;
};

}  // namespace raftbus
