// Sessions: writes that come again are executed once, in every implementation of the state, and by
// themselves with small limits.
#include <gtest/gtest.h>

#include "storage/kv_table.hpp"
#include "storage/sessions.hpp"
#include "tests/storage/kv_subject.hpp"

namespace raftbus {
namespace {

using namespace std::chrono_literals;
using testing::erase;
using testing::if_revision;
using testing::in_session;
using testing::Kind;
using testing::open_session;
using testing::set;
using testing::Subject;
using testing::ttl;

class KvSessionsTest : public ::testing::TestWithParam<Kind> {
protected:
    Subject state{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(All, KvSessionsTest,
                         ::testing::Values(Kind::memory, Kind::rocksdb, Kind::rocksdb_flushed,
                                           Kind::rocksdb_three_layers),
                         testing::name_of);

TEST_P(KvSessionsTest, C1_AWriteThatComesAgainAnswersTheSameAndDoesNothing) {
    state.apply(set("before", "v"));
    EXPECT_EQ(state.apply(open_session()), CommandOutcome(Written{2, false}));
    const Command first = in_session(2, 1, set("k", "1"));
    EXPECT_EQ(state.apply(first), CommandOutcome(Written{3, false}));
    state.apply(set("k", "somebody else's"));
    EXPECT_EQ(state.apply(first), CommandOutcome(Written{3, false}));
    EXPECT_EQ(state.get("k"), "somebody else's@4");
    const Command second = in_session(2, 2, if_revision(0, set("k", "2")));
    EXPECT_EQ(state.apply({second, second}),
              (std::vector<CommandOutcome>{ConditionFailed{true, 4}, ConditionFailed{true, 4}}));
    const Command third = in_session(2, 3, erase("k"));
    EXPECT_EQ(state.apply({third, third}),
              (std::vector<CommandOutcome>{Written{8, true}, Written{8, true}}));
    EXPECT_EQ(state.apply(in_session(2, 4, Command{})), CommandOutcome(Written{10, false}));
    EXPECT_EQ(state.apply(in_session(2, 4, Command{})), CommandOutcome(Written{10, false}));
}

TEST_P(KvSessionsTest, C3_NumbersMayComeInAnyOrderAndLeaveGaps) {
    state.apply(open_session());
    EXPECT_EQ(state.apply(in_session(1, 7, set("a", "v"))), CommandOutcome(Written{2, false}));
    EXPECT_EQ(state.apply(in_session(1, 2, set("b", "v"))), CommandOutcome(Written{3, false}));
    EXPECT_EQ(state.apply(in_session(1, 7, set("a", "w"))), CommandOutcome(Written{2, false}));
    EXPECT_EQ(state.apply(in_session(1, 1'030, set("c", "v"))), CommandOutcome(Written{5, false}));
    EXPECT_EQ(state.apply(in_session(1, 7, set("a", "w"))), CommandOutcome(Written{2, false}));
    EXPECT_EQ(state.apply(in_session(1, 2, set("b", "w"))),
              CommandOutcome(OutcomeForgotten{1'030}));
    EXPECT_EQ(state.apply(in_session(1, 6, set("d", "w"))), CommandOutcome(OutcomeForgotten{1'030}))
        << "whether it was executed is not known any more, so it is not";
    EXPECT_EQ(state.get("b"), "v@3");
    EXPECT_EQ(state.get("d"), "-");
}

TEST_P(KvSessionsTest, C2_AWriteOfASessionThatIsNotKnownDoesNothing) {
    EXPECT_EQ(state.apply(in_session(1, 1, set("k", "v"))), CommandOutcome(SessionExpired{}));
    EXPECT_EQ(state.apply(in_session(0, 1, set("k", "v"))), CommandOutcome(SessionExpired{}));
    EXPECT_EQ(state.get("k"), "-");
}

TEST_P(KvSessionsTest, C2_AnUnusedSessionExpiresByTheLogsTimeAlone) {
    state.at_ms(1'000);
    state.apply(open_session(500));
    state.at_ms(1'400);
    state.apply(in_session(1, 1, set("k", "1")));
    state.at_ms(1'899);
    EXPECT_EQ(state.apply(in_session(1, 1, set("k", "2"))), CommandOutcome(Written{2, false}))
        << "used since";
    state.at_ms(2'399);
    EXPECT_EQ(state.apply(in_session(1, 1, set("k", "2"))), CommandOutcome(SessionExpired{}));
    EXPECT_EQ(state.get("k"), "1@2");
}

TEST_P(KvSessionsTest, AreNothingThatATickIsWrittenFor) {
    state.apply(open_session());
    EXPECT_EQ(state->due(), std::nullopt);
}

TEST_P(KvSessionsTest, ATimeIsCountedFromTheFirstExecution) {
    state.at_ms(1'000);
    state.apply(open_session());
    const Command write = in_session(1, 1, ttl(500, set("k", "v")));
    state.apply(write);
    state.at_ms(1'400);
    EXPECT_EQ(state.apply(write), CommandOutcome(Written{2, false}));
    state.at_ms(1'500);
    EXPECT_EQ(state.apply(write), CommandOutcome(Written{2, false}));
    EXPECT_EQ(state.get("k"), "-");
}

TEST(KvSessions, C1_SurviveAFlush) {
    for (const Kind kind : {Kind::rocksdb, Kind::rocksdb_flushed, Kind::rocksdb_three_layers}) {
        Subject state(kind);
        Subject never_flushed(Kind::memory);
        const auto both = [&](const Command& command) {
            const CommandOutcome outcome = state.apply(command);
            EXPECT_EQ(outcome, never_flushed.apply(command));
            EXPECT_EQ(state->digest(), never_flushed->digest());
            return outcome;
        };
        both(open_session());
        both(in_session(1, 1, set("k", "1")));
        state.restart();
        EXPECT_EQ(both(in_session(1, 1, set("k", "2"))), CommandOutcome(Written{2, false}));
        both(in_session(1, 2, set("k", "2")));
        both(open_session(100));
        state.restart();
        EXPECT_EQ(both(in_session(1, 2, set("k", "3"))), CommandOutcome(Written{4, false}));
        state.at_ms(200);
        never_flushed.at_ms(200);
        EXPECT_EQ(both(in_session(5, 1, set("k", "3"))), CommandOutcome(SessionExpired{}));
        state.restart();
        EXPECT_EQ(both(in_session(5, 1, set("k", "3"))), CommandOutcome(SessionExpired{}))
            << "that it is gone is flushed too";
        EXPECT_EQ(state.get("k"), "2@4");
    }
}

TEST(KvSessions, CountInTheDigest) {
    const auto digest = [](const std::vector<Command>& commands) {
        Subject state(Kind::memory);
        state.apply(commands);
        return state->digest();
    };
    const auto base = digest({open_session(), in_session(1, 1, set("k", "v"))});
    EXPECT_NE(base, digest({open_session(5), in_session(1, 1, set("k", "v"))}));
    EXPECT_NE(base, digest({open_session(), in_session(1, 2, set("k", "v"))}));
    EXPECT_NE(base, digest({open_session(), in_session(2, 1, set("k", "v"))}));
    EXPECT_NE(base, digest({open_session(), set("k", "v")}));
}

// ---- by themselves, with small limits

constexpr SessionLimits kSmall{.sessions_max = 3, .numbers_max = 4, .outcome_bytes_max = 100};

class SessionsTest : public ::testing::Test {
protected:
    // Executes number `seq` if that is what the session says; whether it did.
    bool executes(std::uint64_t id, std::uint64_t seq, CommandOutcome outcome = Written{1, false}) {
        const bool fresh =
            std::holds_alternative<Sessions::Fresh>(sessions.use(id, seq, ++index, WallTime(1)));
        if (fresh) sessions.remember(id, seq, outcome);
        return fresh;
    }
    bool forgotten(std::uint64_t id, std::uint64_t seq) {
        return std::holds_alternative<OutcomeForgotten>(
            sessions.use(id, seq, ++index, WallTime(1)));
    }
    CommandOutcome outcome(std::uint64_t id, std::uint64_t seq) {
        return std::get<CommandOutcome>(sessions.use(id, seq, ++index, WallTime(1)));
    }
    bool known(std::uint64_t id) {
        return !std::holds_alternative<Sessions::Unknown>(
            sessions.use(id, 1, ++index, WallTime(1)));
    }
    // As a flush and a start leave it.
    void restart() {
        sessions.note_changes(table);
        for (const auto& [name, content] : table.notes()) notes[name] = content.value_or("");
        sessions = Sessions(kSmall);
        for (const auto& [name, content] : notes) {
            if (content.empty()) continue;
            ASSERT_TRUE(sessions.load(name, content));
        }
        sessions.loaded();
    }

    Sessions sessions{kSmall};
    KvTable table;
    std::map<std::string, std::string> notes;
    std::uint64_t index = 1'000;
};

TEST_F(SessionsTest, TheLeastRecentlyUsedGoesForANewOne) {
    for (const std::uint64_t id : {1, 2, 3})
        EXPECT_EQ(sessions.open(id, 1s, WallTime(1)), std::nullopt);
    EXPECT_TRUE(executes(1, 1));
    restart();
    EXPECT_EQ(sessions.open(4, 1s, WallTime(1)), 2U);
    EXPECT_EQ(sessions.open(5, 1s, WallTime(1)), 3U);
    EXPECT_TRUE(known(1));
    EXPECT_FALSE(known(2));
    EXPECT_EQ(sessions.size(), 3U);
    restart();
    EXPECT_EQ(sessions.size(), 3U);
    EXPECT_FALSE(known(2));
}

TEST_F(SessionsTest, ExpireInTheOrderOfTheirIdsWhoeverWasStartedWhen) {
    sessions.open(1, 10us, WallTime(1));
    sessions.open(2, 5us, WallTime(1));
    sessions.open(3, 50us, WallTime(1));
    sessions.use(2, 1, 5, WallTime(4));
    EXPECT_EQ(sessions.expire(WallTime(8)), std::vector<std::uint64_t>{});
    EXPECT_EQ(sessions.expire(WallTime(30)), (std::vector<std::uint64_t>{1, 2}));
    restart();
    EXPECT_EQ(sessions.expire(WallTime(51)), (std::vector<std::uint64_t>{3}));
}

TEST_F(SessionsTest, RememberTheNewestNumbers) {
    sessions.open(1, 1s, WallTime(1));
    for (std::uint64_t seq = 1; seq <= 5; ++seq)
        EXPECT_TRUE(executes(1, seq, Written{100 + seq, seq % 2 == 0}));
    EXPECT_TRUE(forgotten(1, 1));
    EXPECT_EQ(outcome(1, 2), CommandOutcome(Written{102, true}));
    restart();
    EXPECT_TRUE(forgotten(1, 1));
    EXPECT_EQ(outcome(1, 2), CommandOutcome(Written{102, true}));
    EXPECT_EQ(outcome(1, 5), CommandOutcome(Written{105, false}));
}

TEST_F(SessionsTest, RememberEveryOutcomeAsItWas) {
    sessions.open(1, 1s, WallTime(1));
    const std::vector<CommandOutcome> outcomes = {
        Written{std::uint64_t{1} << 52, true}, ConditionFailed{true, 7}, ConditionFailed{false, 0},
        AnswerTooLarge{70'000, 300}};
    for (std::uint64_t seq = 1; seq <= outcomes.size(); ++seq) executes(1, seq, outcomes[seq - 1]);
    for (int round = 0; round < 2; ++round, restart())
        for (std::uint64_t seq = 1; seq <= outcomes.size(); ++seq)
            EXPECT_EQ(outcome(1, seq), outcomes[seq - 1]) << seq;
}

TEST_F(SessionsTest, ForgetTheOldestOutcomesBeyondTheirBytes) {
    sessions.open(1, 1s, WallTime(1));
    const auto of_bytes = [](std::size_t bytes) {
        return Transacted{SharedBytes::own(std::string(bytes, 'r'))};
    };
    EXPECT_TRUE(executes(1, 1, of_bytes(40)));
    EXPECT_TRUE(executes(1, 2, of_bytes(40)));
    EXPECT_TRUE(executes(1, 4, of_bytes(40)));
    EXPECT_TRUE(forgotten(1, 1));
    EXPECT_EQ(outcome(1, 2), CommandOutcome(of_bytes(40)));
    EXPECT_TRUE(executes(1, 3, of_bytes(10))) << "it was never executed, so it may be";
    restart();
    EXPECT_TRUE(forgotten(1, 1)) << "and never executed again";
    EXPECT_TRUE(executes(1, 5, of_bytes(1'000)));
    EXPECT_EQ(outcome(1, 5), CommandOutcome(of_bytes(1'000)))
        << "the newest is kept whatever it is";
    EXPECT_TRUE(forgotten(1, 4));
}

}  // namespace
}  // namespace raftbus
