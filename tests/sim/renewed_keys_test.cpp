// What a key that is set again and again has to look like.

#include "sim/renewed_keys.hpp"

#include <gtest/gtest.h>

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;

class Renewed : public ::testing::Test {
protected:
    // Draws until what is asked for next is of that kind, and has it answered.
    enum class Kind { kept, timed, erased };
    RenewedKeys::Plan ask(Kind kind) {
        for (;;) {
            const RenewedKeys::Plan plan = keys_.next(1, random_, "v", now_);
            const Kind drawn = plan.erases       ? Kind::erased
                               : plan.ttl_ms > 0 ? Kind::timed
                                                 : Kind::kept;
            if (drawn == kind) return plan;
            keys_.refused(plan.name);
        }
    }
    std::string done(Kind kind, bool found = true) {
        const RenewedKeys::Plan plan = ask(kind);
        name_ = plan.name;
        ttl_ = std::chrono::milliseconds(plan.ttl_ms);
        return keys_.answered(name_, found, now_).value_or("");
    }
    std::string read(std::optional<std::string> value) {
        const auto version = keys_.version(name_);
        return keys_.read(name_, version, value, now_, now_).value_or("");
    }

    RenewedKeys keys_{1'000'000};
    Random random_{7};
    Moment now_{1s};
    std::string name_;
    Duration ttl_{};
};

TEST_F(Renewed, AKeySetAgainWithoutATimeStays) {
    EXPECT_EQ(done(Kind::timed), "");
    EXPECT_EQ(done(Kind::kept), "");
    now_ += 10s;
    EXPECT_EQ(read("v"), "");
    EXPECT_NE(read(std::nullopt), "");
    EXPECT_NE(done(Kind::erased, false), "") << "a DELETE says so, too";
}

TEST_F(Renewed, AKeyWithATimeGoesAtItsTimeAndStaysAway) {
    EXPECT_EQ(done(Kind::timed), "");
    now_ += ttl_ - 1us;
    EXPECT_NE(read(std::nullopt), "") << "early";
    now_ += 1us;
    EXPECT_EQ(read(std::nullopt), "");
    now_ += 1us;
    EXPECT_NE(read("v"), "") << "it comes back";
}

TEST_F(Renewed, ADeletedKeyIsGone) {
    EXPECT_EQ(done(Kind::kept), "");
    EXPECT_EQ(done(Kind::erased), "");
    EXPECT_EQ(read(std::nullopt), "");
    EXPECT_NE(read("v"), "");
    EXPECT_NE(done(Kind::erased), "") << "a second DELETE finds nothing";
}

TEST_F(Renewed, WhileAWriteIsUnderWayNothingIsKnown) {
    EXPECT_EQ(done(Kind::kept), "");
    const auto before = keys_.version(name_);
    (void)ask(Kind::erased);
    EXPECT_EQ(keys_.read(name_, before, std::nullopt, now_, now_), std::nullopt);
    EXPECT_EQ(keys_.answered(name_, true, now_), std::nullopt);
    EXPECT_EQ(keys_.read(name_, before, "v", now_, now_), std::nullopt) << "it began before";
}

TEST_F(Renewed, AfterAWriteOfUnknownOutcomeTheClientTakesAnotherKey) {
    EXPECT_EQ(done(Kind::kept), "");
    const std::string lost = ask(Kind::erased).name;
    keys_.lost(lost);
    EXPECT_EQ(keys_.version(lost), 0U);
    EXPECT_EQ(keys_.some(random_), std::nullopt);
    EXPECT_NE(ask(Kind::kept).name, lost);
}

TEST_F(Renewed, WhatIsThereInTheEndWasSetWithoutATime) {
    EXPECT_EQ(done(Kind::timed), "");
    EXPECT_TRUE(keys_.outlasted([](const std::string&) { return true; }));
    EXPECT_FALSE(keys_.outlasted([](const std::string&) { return false; }));
    EXPECT_EQ(done(Kind::kept), "");
    EXPECT_FALSE(keys_.outlasted([](const std::string&) { return true; }));
    EXPECT_TRUE(keys_.outlasted([](const std::string&) { return false; }));
}

}  // namespace
}  // namespace raftbus::sim
