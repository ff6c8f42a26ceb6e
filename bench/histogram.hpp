// histogram: durations, counted in buckets whose width grows with them, so that a second and a
// microsecond are known equally well. A value.
//
// Owns: the buckets. Any duration is off by less than 1.6 %; adding one takes a few nanoseconds and
// no memory.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace raftbus::bench {

class Histogram {
public:
    using Nanoseconds = std::chrono::nanoseconds;

    // What is below 0 counts as 0, what is above half an hour as that.
    void add(Nanoseconds duration);
    void add(const Histogram& other);

    std::uint64_t count() const { return count_; }
    Nanoseconds max() const { return max_; }
    Nanoseconds mean() const;
    // The least duration that `part` (0 to 1) of all do not exceed; 0 if there are none.
    Nanoseconds percentile(double part) const;
    // How many lie in [from, to), as far as buckets can tell.
    std::uint64_t between(Nanoseconds from, Nanoseconds to) const;

private:
    static constexpr std::size_t kBits = 6;  // of a duration that are kept
    static constexpr std::size_t kSteps = std::size_t{1} << kBits;
    static constexpr std::uint64_t kLargest = std::uint64_t{1} << 41;  // nanoseconds
    static constexpr std::size_t kBuckets = (41 - kBits + 1) * kSteps + 1;

    static std::size_t bucket_of(std::uint64_t nanoseconds);
    static std::uint64_t end_of(std::size_t bucket);

    std::array<std::uint64_t, kBuckets> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    Nanoseconds max_{0};
};

}  // namespace raftbus::bench
