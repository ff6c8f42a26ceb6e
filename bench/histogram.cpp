#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace raftbus::bench {

// Durations below kSteps have a bucket each; above, each doubling has kSteps of them.
std::size_t Histogram::bucket_of(std::uint64_t nanoseconds) {
    const std::uint64_t value = std::min(nanoseconds, kLargest);
    if (value < kSteps) return value;
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - kBits - 1;
    return (shift + 1) * kSteps + (value >> shift) - kSteps;
}

// The first duration that is beyond the bucket.
std::uint64_t Histogram::end_of(std::size_t bucket) {
    if (bucket < kSteps) return bucket + 1;
    const std::size_t shift = bucket / kSteps - 1;
    return (bucket % kSteps + kSteps + 1) << shift;
}

void Histogram::add(Nanoseconds duration) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, Nanoseconds(value));
}

void Histogram::add(const Histogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
}

Histogram::Nanoseconds Histogram::mean() const {
    return Nanoseconds(count_ == 0 ? 0 : sum_ / count_);
}

Histogram::Nanoseconds Histogram::percentile(double part) const {
    if (count_ == 0) return Nanoseconds(0);
    const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    for (; bucket < kBuckets; ++bucket) {
        seen += buckets_[bucket];
        if (seen >= std::max<std::uint64_t>(wanted, 1)) break;
    }
    return std::min(Nanoseconds(end_of(bucket) - 1), max_);
}

std::uint64_t Histogram::between(Nanoseconds from, Nanoseconds to) const {
    const std::size_t end = bucket_of(static_cast<std::uint64_t>(to.count()));
    std::uint64_t count = 0;
    for (std::size_t i = bucket_of(static_cast<std::uint64_t>(from.count())); i < end; ++i)
        count += buckets_[i];
    return count;
}

}  // namespace raftbus::bench
