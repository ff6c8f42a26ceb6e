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
using Ids = std::vector<std::uint64_t>;

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
        sessions = Sessions(limits);
        for (const auto& [name, content] : notes) {
            if (content.empty()) continue;
            ASSERT_TRUE(sessions.load(name, content));
        }
        sessions.loaded();
    }

    SessionLimits limits = kSmall;
    Sessions sessions{limits};
    KvTable table;
    std::map<std::string, std::string> notes;
    std::uint64_t index = 1'000;
};

TEST_F(SessionsTest, TheLeastRecentlyUsedGoesForANewOne) {
    for (const std::uint64_t id : {1, 2, 3})
        EXPECT_EQ(sessions.open(id, id, 1s, WallTime(1)), Ids());
    EXPECT_TRUE(executes(1, 1));
    restart();
    EXPECT_EQ(sessions.open(4, 4, 1s, WallTime(1)), Ids{2});
    EXPECT_EQ(sessions.open(5, 5, 1s, WallTime(1)), Ids{3});
    EXPECT_TRUE(known(1));
    EXPECT_FALSE(known(2));
    EXPECT_EQ(sessions.size(), 3U);
    restart();
    EXPECT_EQ(sessions.size(), 3U);
    EXPECT_FALSE(known(2));
}

TEST_F(SessionsTest, ExpireInTheOrderOfTheirIdsWhoeverWasStartedWhen) {
    sessions.open(1, 1, 10us, WallTime(1));
    sessions.open(2, 2, 5us, WallTime(1));
    sessions.open(3, 3, 50us, WallTime(1));
    sessions.use(2, 1, 5, WallTime(4));
    EXPECT_EQ(sessions.expire(WallTime(8)), std::vector<std::uint64_t>{});
    EXPECT_EQ(sessions.expire(WallTime(30)), (std::vector<std::uint64_t>{1, 2}));
    restart();
    EXPECT_EQ(sessions.expire(WallTime(51)), (std::vector<std::uint64_t>{3}));
}

TEST_F(SessionsTest, RememberTheNewestNumbers) {
    sessions.open(1, 1, 1s, WallTime(1));
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
    sessions.open(1, 1, 1s, WallTime(1));
    const std::vector<CommandOutcome> outcomes = {
        Written{std::uint64_t{1} << 52, true}, ConditionFailed{true, 7}, ConditionFailed{false, 0},
        AnswerTooLarge{70'000, 300}};
    for (std::uint64_t seq = 1; seq <= outcomes.size(); ++seq) executes(1, seq, outcomes[seq - 1]);
    for (int round = 0; round < 2; ++round, restart())
        for (std::uint64_t seq = 1; seq <= outcomes.size(); ++seq)
            EXPECT_EQ(outcome(1, seq), outcomes[seq - 1]) << seq;
}

TEST_F(SessionsTest, ForgetTheOldestOutcomesBeyondTheirBytes) {
    sessions.open(1, 1, 1s, WallTime(1));
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

// ---- incarnations

Batch config(std::uint64_t index, Incarnation incarnation) {
    Configuration configuration = configuration_of({{NodeId(1), true, "tcp://h:1", "tcp://h:2"}});
    configuration.version = 2;
    configuration.incarnation = incarnation;
    std::string body = encode_configuration(configuration);
    Batch batch{{BatchKind::config, LogIndex(index), 1, Term(1)}, {}};
    batch.body = SharedBytes::own(std::move(body));
    return batch;
}

std::uint64_t id_of(const CommandOutcome& outcome) {
    return std::get<Written>(outcome).revision;
}

TEST_P(KvSessionsTest, IdsAreNotThoseOfAnotherIncarnation) {
    (*state).apply(config(1, {1234, {}, Incarnation::Cause::formed}), nullptr);
    const std::uint64_t first = id_of(state.apply(open_session()));
    const std::uint64_t second = id_of(state.apply(open_session()));
    EXPECT_NE(first, 2U) << "the index, which comes again in every cluster";
    EXPECT_NE(first, second);
    EXPECT_LT(std::max(first, second), std::uint64_t{1} << 53);
    EXPECT_EQ(state.apply(in_session(first, 1, set("k", "v"))), CommandOutcome(Written{4, false}));
    Subject other{GetParam()};
    (*other).apply(config(1, {1235, {}, Incarnation::Cause::formed}), nullptr);
    EXPECT_NE(id_of(other.apply(open_session())), first);
    EXPECT_EQ(other.apply(in_session(first, 2, set("k", "v"))), CommandOutcome(SessionExpired{}));
}

TEST_P(KvSessionsTest, EndWhereTheHistoryBreaksOff) {
    (*state).apply(config(1, {1234, {}, Incarnation::Cause::formed}), nullptr);
    const std::uint64_t session = id_of(state.apply(open_session()));
    state.apply(in_session(session, 1, set("k", "v")));
    Batch gap{{BatchKind::tick, LogIndex(4), std::uint64_t{1} << 40, Term(1)}, {}};
    (*state).apply(gap, nullptr);
    const std::uint64_t since = gap.header.end().value;
    (*state).apply(config(since, {99, LogIndex(since), Incarnation::Cause::restored}),
                        nullptr);
    EXPECT_EQ(state.apply(in_session(session, 1, set("k", "w"))), CommandOutcome(SessionExpired{}));
    EXPECT_EQ(state.get("k"), "v@3");
    EXPECT_GT((*state).footnotes().first(), LogIndex(since));
    EXPECT_EQ(state.apply(set("k", "w")), CommandOutcome(Written{since + 2, false}))
        << "revisions go on behind the gap";
}

// ---- what all sessions hold

TEST_F(SessionsTest, LargeOutcomesOfTheLeastRecentlyUsedAreForgottenFirst) {
    limits = {.bytes_max = 1 << 20};
    sessions = Sessions(limits);
    sessions.bounded(true);
    const auto large = [] { return Transacted{SharedBytes::own(std::string(300 << 10, 'r'))}; };
    for (std::uint64_t id = 1; id <= 5; ++id) {
        sessions.open(id, ++index, 1s, WallTime(1));
        EXPECT_TRUE(executes(id, 1, id == 2 ? CommandOutcome(Written{7, true}) : large()));
        EXPECT_LE(sessions.bytes(), limits.bytes_max);
    }
    EXPECT_EQ(sessions.size(), 5U) << "none goes";
    EXPECT_TRUE(forgotten(1, 1)) << "executed, but not how: never again";
    EXPECT_EQ(outcome(2, 1), CommandOutcome(Written{7, true})) << "it was no burden";
    EXPECT_EQ(outcome(4, 1), CommandOutcome(large()));
    const std::uint64_t bytes = sessions.bytes();
    restart();
    EXPECT_EQ(sessions.bytes(), bytes) << "the same on a node that was restarted";
    EXPECT_TRUE(forgotten(1, 1));
}

TEST_F(SessionsTest, ManySmallOnesGoAsAWhole) {
    limits = {.bytes_max = 64 << 10};
    sessions = Sessions(limits);
    sessions.bounded(true);
    std::size_t gone = 0;
    for (std::uint64_t id = 1; id <= 1'000; ++id) {
        gone += sessions.open(id, ++index, 1s, WallTime(1)).size();
        EXPECT_LE(sessions.bytes(), limits.bytes_max);
    }
    EXPECT_EQ(sessions.size() + gone, 1'000U);
    EXPECT_LT(sessions.size(), 300U);
    EXPECT_TRUE(known(1'000));
    EXPECT_FALSE(known(1));
}

TEST_F(SessionsTest, AreNotBoundedBeforeAllMembersAgree) {
    limits = {.bytes_max = 1'000};
    sessions = Sessions(limits);
    for (std::uint64_t id = 1; id <= 100; ++id)
        EXPECT_EQ(sessions.open(id, ++index, 1s, WallTime(1)), Ids());
}

}  // namespace
}  // namespace raftbus
