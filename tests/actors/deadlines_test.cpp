// Deadlines, against the plainest thing that keeps them.
#include "actors/deadlines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace raftbus::testing {
namespace {

using Things = std::vector<Deadlines::Thing>;

constexpr Moment at(std::int64_t us) {
    return Moment(Duration(us));
}

TEST(Deadlines, AreToldInTheirOrderAndWithinAMillisecondAsTheyCame) {
    Deadlines deadlines;
    EXPECT_FALSE(deadlines.next());
    deadlines.add(1, at(5'700));
    deadlines.add(2, at(3'000));
    deadlines.add(3, at(5'100));
    EXPECT_EQ(deadlines.next(), at(3'000));
    EXPECT_EQ(deadlines.due(at(2'999)), Things{});
    EXPECT_EQ(deadlines.due(at(3'000)), Things{2});
    EXPECT_EQ(deadlines.due(at(5'000)), (Things{2, 1, 3})) << "early by less than a millisecond";
    deadlines.remove(2);
    EXPECT_EQ(deadlines.next(), at(5'000));
    deadlines.remove(1);
    EXPECT_EQ(deadlines.due(Moment::max()), Things{3});
    deadlines.add(1, at(5'999));
    deadlines.remove(3);
    EXPECT_EQ(deadlines.due(Moment::max()), Things{1});
    deadlines.remove(1);
    EXPECT_FALSE(deadlines.next());
    EXPECT_EQ(deadlines.size(), 0u);
}

TEST(Deadlines, AreThoseOfAMap) {
    std::mt19937 random(7);
    Deadlines deadlines;
    std::map<Deadlines::Thing, Moment> truth;  // deadlines to the millisecond
    for (int i = 0; i < 20'000; ++i) {
        const Deadlines::Thing thing = random() % 64;
        if (truth.erase(thing) > 0) {
            deadlines.remove(thing);
        } else {
            const std::int64_t us = i + static_cast<std::int64_t>(random() % 5'000);
            deadlines.add(thing, at(us));
            truth[thing] = at(us - us % 1'000);
        }
        const Moment now = at(i + static_cast<std::int64_t>(random() % 6'000));
        Things due = deadlines.due(now);
        EXPECT_TRUE(std::ranges::is_sorted(due, {}, [&](auto t) { return truth.at(t); }));
        std::ranges::sort(due);
        Things expected;
        for (const auto& [thing, when] : truth)
            if (when <= now) expected.push_back(thing);
        ASSERT_EQ(due, expected);
        ASSERT_EQ(deadlines.size(), truth.size());
    }
}

}  // namespace
}  // namespace raftbus::testing
