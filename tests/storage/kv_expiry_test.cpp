// Keys that go when the log's time has come, in every implementation of the state.
#include <gtest/gtest.h>

#include <random>

#include "tests/storage/kv_subject.hpp"

namespace raftbus {
namespace {

using testing::erase;
using testing::if_revision;
using testing::if_value;
using testing::Kind;
using testing::range;
using testing::set;
using testing::Subject;
using testing::ttl;

class KvExpiryTest : public ::testing::TestWithParam<Kind> {
protected:
    Subject state{GetParam()};
    // Nothing but time passes.
    void tick(std::int64_t time_ms) {
        state.at_ms(time_ms);
        state.apply_no_op_entry();
    }
};
INSTANTIATE_TEST_SUITE_P(All, KvExpiryTest,
                         ::testing::Values(Kind::memory, Kind::rocksdb, Kind::rocksdb_flushed,
                                           Kind::rocksdb_three_layers),
                         testing::name_of);

TEST_P(KvExpiryTest, RemovesAKeyOnceABatchBearsItsTime) {
    state.at_ms(1'000);
    state.apply({ttl(500, set("k", "v")), set("stays", "v")});
    EXPECT_EQ(state->due(), WallTime(1'500'000));
    tick(1'499);
    EXPECT_EQ(state.get("k"), "v@1");
    tick(1'500);
    EXPECT_EQ(state.get("k"), "-");
    EXPECT_EQ(state.scan(range("", {})), "stays=v@2 ");
    EXPECT_EQ(state->due(), std::nullopt);
    EXPECT_EQ(state->clock(), WallTime(1'500'000));
}

TEST_P(KvExpiryTest, RemovesBeforeTheCommandsOfTheBatch) {
    state.at_ms(1'000);
    state.apply(ttl(500, set("k", "v")));
    state.at_ms(1'500);
    EXPECT_EQ(state.apply({if_revision(0, set("k", "w")), erase("gone")}),
              (std::vector<CommandOutcome>{Written{2, false}, Written{3, false}}));
    EXPECT_EQ(state.get("k"), "w@2");
    tick(9'000);
    EXPECT_EQ(state.get("k"), "w@2") << "what was written since stays";
}

TEST_P(KvExpiryTest, CountsFromTheClockAtItsBatchAndThatNeverGoesBack) {
    state.at_ms(2'000);
    state.apply_no_op_entry();
    state.at_ms(1'000);
    state.apply(ttl(500, set("k", "v")));
    EXPECT_EQ(state->clock(), WallTime(2'000'000));
    tick(2'499);
    EXPECT_EQ(state.get("k"), "v@2");
    tick(2'500);
    EXPECT_EQ(state.get("k"), "-");
}

TEST_P(KvExpiryTest, ASetWithoutATimeClearsIt) {
    state.apply(ttl(500, set("k", "v")));
    state.apply(set("k", "w"));
    tick(10'000);
    EXPECT_EQ(state.get("k"), "w@2");
}

TEST_P(KvExpiryTest, ASetWithAnotherTimeMovesIt) {
    state.apply(ttl(500, set("later", "v")));
    state.apply(ttl(5'000, set("later", "w")));
    state.apply(ttl(5'000, set("sooner", "v")));
    state.apply(ttl(400, set("sooner", "w")));
    tick(450);
    EXPECT_EQ(state.scan(range("", {})), "later=w@2 ");
    tick(600);
    EXPECT_EQ(state.get("later"), "w@2");
    tick(5'000);
    EXPECT_EQ(state.get("later"), "-");
}

TEST_P(KvExpiryTest, AnErasedKeyIsNotRemovedAgain) {
    state.apply(ttl(500, set("k", "v")));
    EXPECT_EQ(state.apply(erase("k")), CommandOutcome(Written{2, true}));
    state.apply(set("k", "w"));
    tick(1'000);
    EXPECT_EQ(state.get("k"), "w@3");
}

TEST_P(KvExpiryTest, ConditionsSeeAKeyWithATimeLikeAnyOther) {
    state.apply(ttl(500, set("k", "v")));
    EXPECT_EQ(state.apply(if_value("w", ttl(900, set("k", "x")))),
              CommandOutcome(ConditionFailed{true, 1}));
    EXPECT_EQ(state.apply(if_value("v", ttl(900, set("k", "")))),
              CommandOutcome(Written{3, false}));
    EXPECT_EQ(state.get("k"), "@3");
    tick(899);
    EXPECT_EQ(state.get("k"), "@3");
    tick(900);
    EXPECT_EQ(state.get("k"), "-");
}

TEST_P(KvExpiryTest, KeepsValuesAndScansAsTheyAreBesideTheTime) {
    const std::string large(70'000, 'v');
    state.apply(ttl(500, set("b", large)));
    state.apply(set("a", "1"));
    state.apply(ttl(700, set("c", "")));
    EXPECT_EQ(state.get("b"), large + "@1");
    EXPECT_EQ(state.scan(range("", {})), "a=1@2 b=" + large + "@1 c=@3 ");
    state.apply(set("b", large + "!"));
    EXPECT_EQ(state.get("b"), large + "!@4");
}

TEST_P(KvExpiryTest, TheLongestTimeIsNoTrouble) {
    state.at_ms(1'800'000'000'000);
    state.apply(ttl((std::uint64_t{1} << 53) - 1, set("k", "v")));
    tick(1'900'000'000'000);
    EXPECT_EQ(state.get("k"), "v@1");
}

TEST_P(KvExpiryTest, CountsInTheDigest) {
    const auto digest = [](std::uint64_t ttl_ms, std::int64_t then) {
        Subject other(Kind::memory);
        other.apply(ttl(ttl_ms, set("k", "v")));
        other.at_ms(then);
        other.apply_no_op_entry();
        return other->digest();
    };
    EXPECT_EQ(digest(500, 400), digest(500, 300));
    EXPECT_NE(digest(500, 400), digest(500, 600)) << "gone";
    EXPECT_NE(digest(500, 400), digest(501, 400)) << "goes later";
    EXPECT_NE(digest(0, 400), digest(500, 400)) << "never goes";
}

TEST(KvExpiries, SurviveAFlush) {
    for (const Kind kind : {Kind::rocksdb, Kind::rocksdb_flushed, Kind::rocksdb_three_layers}) {
        Subject state(kind);
        state.at_ms(1'000);
        state.apply({ttl(500, set("a", "v")), ttl(900, set("b", "v")), ttl(700, set("c", "v"))});
        state.apply(set("c", "stays"));
        state.restart();
        EXPECT_EQ(state->clock(), WallTime(1'000'000));
        EXPECT_EQ(state->due(), WallTime(1'500'000));
        state.at_ms(1'600);
        state.apply_no_op_entry();
        EXPECT_EQ(state.scan(range("", {})), "b=v@2 c=stays@4 ");
        state.restart();
        state.at_ms(2'000);
        state.apply_no_op_entry();
        EXPECT_EQ(state.scan(range("", {})), "c=stays@4 ");
        state.restart();
        EXPECT_EQ(state->due(), std::nullopt)
            << "what went is not flushed as something that may go";
    }
}

// Whatever the flushes leave behind of keys that were written again.
TEST(KvExpiries, AreTheSameWhereverTheyFlush) {
    Subject memory(Kind::memory);
    Subject flushed(Kind::rocksdb_flushed);
    Subject layers(Kind::rocksdb_three_layers);
    std::mt19937_64 random(0x77e);
    std::int64_t now_ms = 0;
    for (int round = 0; round < 400; ++round) {
        std::vector<std::string> keys;
        for (int i = 0; i < 5; ++i) keys.push_back("k" + std::to_string(random() % 12));
        std::vector<Command> commands;
        for (const std::string& key : keys) {
            commands.push_back(random() % 5 == 0 ? erase(key) : set(key, key));
            if (commands.back().kind == CommandKind::set && random() % 3 > 0)
                commands.back().ttl_ms = 1 + random() % 300;
        }
        now_ms += static_cast<std::int64_t>(random() % 60);
        for (Subject* state : {&memory, &flushed, &layers}) {
            state->at_ms(now_ms);
            state->apply(commands);
        }
        if (round % 50 == 49) layers.restart();
        ASSERT_EQ(flushed->digest(), memory->digest()) << "round " << round;
        ASSERT_EQ(layers->digest(), memory->digest()) << "round " << round;
        ASSERT_EQ(layers.scan(range("", {})), memory.scan(range("", {}))) << "round " << round;
    }
}

}  // namespace
}  // namespace raftbus
