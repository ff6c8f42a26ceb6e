// Ranges that hold no key, against a set of keys that knows it for certain.
#include "storage/kv_gaps.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace raftbus {
namespace {

std::string text(const KvGaps::End* end) {
    return end ? end->value_or("(all)") : "none";
}

TEST(KvGapsTest, JoinsWhatTouches) {
    KvGaps gaps;
    gaps.add("b", "d");
    gaps.add("d", "f");
    gaps.add("a", "c");
    EXPECT_EQ(gaps.size(), 1U);
    EXPECT_EQ(text(gaps.find("a")), "f");
    EXPECT_EQ(text(gaps.find("f")), "none");
    gaps.add("e", std::nullopt);
    EXPECT_EQ(text(gaps.find("zzz")), "(all)");
}

TEST(KvGapsTest, AKeyThatIsSetPartsAGapAndOneThatGoesClosesIt) {
    KvGaps gaps;
    gaps.add("a", "z");
    gaps.key_set("m");
    EXPECT_EQ(text(gaps.find("b")), "m");
    EXPECT_EQ(text(gaps.find("m")), "none");
    EXPECT_EQ(text(gaps.find("n")), "z");
    gaps.key_erased("m");
    EXPECT_EQ(text(gaps.find("b")), "z");
    EXPECT_EQ(gaps.size(), 1U);
}

TEST(KvGapsTest, ForgetsAllBeyondItsLimits) {
    KvGaps gaps({.gaps_max = 3});
    for (char c = 'a'; c < 'i'; c = static_cast<char>(c + 2))
        gaps.add(std::string(1, c), std::string(1, static_cast<char>(c + 1)));
    EXPECT_EQ(gaps.size(), 1U);
    KvGaps small({.bytes_max = 100});
    small.add(std::string(60, 'a'), std::string(60, 'b'));
    small.add(std::string(60, 'c'), std::string(60, 'd'));
    EXPECT_EQ(small.bytes(), 120U);
}

// A gap never holds a key, whatever is set and erased.
TEST(KvGapsTest, NeverHoldsAKey) {
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
        std::mt19937 random(seed);
        KvGaps gaps;
        std::set<std::string> keys;
        const auto draw = [&] { return std::string(1 + random() % 3, static_cast<char>('a' + random() % 6)); };
        for (int step = 0; step < 2'000; ++step) {
            const std::string key = draw();
            if (random() % 3 == 0) {
                keys.insert(key);
                gaps.key_set(key);
            } else if (random() % 2 == 0) {
                if (keys.erase(key) > 0) gaps.key_erased(key);
            } else {
                const auto next = keys.lower_bound(key);
                gaps.add(key, next == keys.end() ? KvGaps::End() : KvGaps::End(*next));
            }
            for (const std::string& there : keys)
                ASSERT_EQ(gaps.find(there), nullptr) << there << " at step " << step;
        }
    }
}

}  // namespace
}  // namespace raftbus
