#include "bench/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace raftbus::bench {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, IsEmptyAtFirst) {
    const Histogram none;
    EXPECT_EQ(none.count(), 0u);
    EXPECT_EQ(none.percentile(0.99), 0ns);
    EXPECT_EQ(none.mean(), 0ns);
}

TEST(Histogram, KnowsSmallDurationsExactly) {
    Histogram histogram;
    for (int i = 1; i <= 50; ++i) histogram.add(std::chrono::nanoseconds(i));
    EXPECT_EQ(histogram.percentile(0.5), 25ns);
    EXPECT_EQ(histogram.percentile(0), 1ns);
    EXPECT_EQ(histogram.percentile(1), 50ns);
    EXPECT_EQ(histogram.max(), 50ns);
}

TEST(Histogram, PercentilesAreOffByLessThanTheyMay) {
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> durations(13, 2);  // around half a millisecond
    Histogram histogram, halves[2];
    std::vector<double> all;
    for (int i = 0; i < 100'000; ++i) {
        all.push_back(std::floor(durations(random)));
        histogram.add(std::chrono::nanoseconds(static_cast<std::int64_t>(all.back())));
        halves[i % 2].add(std::chrono::nanoseconds(static_cast<std::int64_t>(all.back())));
    }
    std::sort(all.begin(), all.end());
    halves[0].add(halves[1]);
    for (const double part : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const double exact = all[static_cast<std::size_t>(std::ceil(part * 100'000)) - 1];
        const auto found = static_cast<double>(histogram.percentile(part).count());
        EXPECT_GE(found, exact);
        EXPECT_LE(found, exact * 1.016 + 1);
        EXPECT_EQ(halves[0].percentile(part), histogram.percentile(part)) << "added up";
    }
}

TEST(Histogram, TakesWhatIsOutOfRange) {
    Histogram histogram;
    histogram.add(-5ns);
    histogram.add(24h);
    EXPECT_EQ(histogram.count(), 2u);
    EXPECT_EQ(histogram.percentile(0.5), 0ns);
    EXPECT_GE(histogram.percentile(1), 30min);
}

TEST(Histogram, CountsWhatLiesBetween) {
    Histogram histogram;
    for (int i = 0; i < 10; ++i) histogram.add(150us);
    for (int i = 0; i < 5; ++i) histogram.add(3ms);
    EXPECT_EQ(histogram.between(100us, 200us), 10u);
    EXPECT_EQ(histogram.between(200us, 2ms), 0u);
    EXPECT_EQ(histogram.between(2ms, 5ms), 5u);
}

}  // namespace
}  // namespace raftbus::bench
