// What one turn may cost: scans, transactions and expiries that go on in later turns, on every
// implementation of the state. What is asserted is counted work, and no time.
#include <gtest/gtest.h>

#include "messages/membership.hpp"
#include "storage/transaction.hpp"
#include "tests/storage/kv_subject.hpp"

namespace raftbus {
namespace {

using testing::erase;
using testing::Kind;
using testing::range;
using testing::set;
using testing::Subject;
using testing::ttl;

constexpr std::uint64_t kBudget = 60'000;
constexpr int kMany = 100'000;

std::string numbered(int i) {
    const std::string digits = std::to_string(i);
    return "q/" + std::string(8 - digits.size(), '0') + digits;
}

class KvTurnsTest : public ::testing::TestWithParam<Kind> {
protected:
    Subject state{GetParam()};

    // Keys from `first` on, a batch for each thousand.
    void write(int first, int end, const std::function<Command(const std::string&)>& make) {
        for (int i = first; i < end; i += 1'000) {
            std::vector<std::string> keys;
            std::vector<Command> commands;
            for (int k = i; k < std::min(end, i + 1'000); ++k) keys.push_back(numbered(k));
            for (const std::string& key : keys) commands.push_back(make(key));
            state.apply(commands);
        }
    }
    void set_and_erase(int first, int end) {
        write(first, end, [](const std::string& key) { return set(key, "x"); });
        write(first, end, [](const std::string& key) { return erase(key); });
    }
    void explore() {
        if (const auto work = state->begin_explore()) {
            work();
            state->end_explore();
        }
    }

    struct Taken {
        int turns = 0;
        std::uint64_t most = 0;  // work of one
    };
    ScanAnswer scan(const ScanQuery& query, Taken& taken) {
        for (;;) {
            Work work(kBudget);
            auto answer = state->scan_some(query, work);
            ++taken.turns;
            taken.most = std::max(taken.most, work.spent());
            EXPECT_LT(taken.turns, 1'000);
            if (answer || taken.turns >= 1'000) return answer.value_or(ScanAnswer());
            explore();
        }
    }
    std::vector<CommandOutcome> apply(const Batch& batch, Taken& taken) {
        std::vector<CommandOutcome> outcomes;
        for (;;) {
            Work work(kBudget);
            const bool done = state->apply_some(batch, &outcomes, work);
            ++taken.turns;
            taken.most = std::max(taken.most, work.spent());
            if (done) return outcomes;
            EXPECT_LT(taken.turns, 10'000);
            if (taken.turns >= 10'000) return outcomes;
            explore();
        }
    }
    void speak_version_2() {
        Configuration configuration = configuration_of({{NodeId(1), true, "tcp://127.0.0.1:1", ""}});
        configuration.version = 2;
        Batch batch = testing::no_op_batch(state.next(), Term(1));
        batch.header.kind = BatchKind::config;
        batch.body = SharedBytes::own(encode_configuration(configuration));
        state->apply(batch, nullptr);
    }
};
INSTANTIATE_TEST_SUITE_P(All, KvTurnsTest,
                         ::testing::Values(Kind::memory, Kind::rocksdb, Kind::rocksdb_flushed,
                                           Kind::rocksdb_three_layers),
                         testing::name_of);

// One step passes over 20,000 at most, in each layer; and who comes after it over none.
constexpr std::uint64_t kMostOfAScan = 70'000;

TEST_P(KvTurnsTest, AScanPassesOverDeletedKeysInSteps) {
    set_and_erase(0, kMany);
    state.apply(set("q/9", "there"));
    ScanQuery first = range("q/", "q0");
    first.limit = 1;
    Taken taken;
    const ScanAnswer answer = scan(first, taken);
    ASSERT_EQ(answer.items.size(), 1U);
    EXPECT_EQ(answer.items[0].key.view(), "q/9");
    EXPECT_LE(taken.most, kMostOfAScan);
    Taken again;
    scan(first, again);
    EXPECT_EQ(again.turns, 1);
    EXPECT_LE(again.most, 1'000U);
    state.apply(set(numbered(500), "back"));
    EXPECT_EQ(scan(first, again).items[0].key.view(), numbered(500));
    EXPECT_EQ(scan(range("q/", "q0"), again).items.size(), 2U);
}

TEST_P(KvTurnsTest, AScanThatEndsEarlyHasItemsAndSaysMore) {
    write(0, 60'000, [](const std::string& key) { return set(key, "x"); });
    ScanQuery all = range("", {});
    all.limit = all.bytes_max = 1 << 30;
    Taken taken;
    std::size_t items = 0;
    for (bool more = true; more;) {
        const ScanAnswer answer = scan(all, taken);
        ASSERT_FALSE(answer.items.empty());
        items += answer.items.size();
        more = answer.more;
        all.start = SharedBytes::own(successor(answer.items.back().key.view()));
        ASSERT_LT(taken.turns, 100);
    }
    EXPECT_EQ(items, 60'000U);
    EXPECT_GT(taken.turns, 1);
    EXPECT_LE(taken.most, kMostOfAScan);
}

TEST_P(KvTurnsTest, ATransactionOfManyScansTakesManyTurnsAndSeesItsOwnWrites) {
    set_and_erase(0, kMany);
    Transaction transaction;
    transaction.items_max = 10'000;
    transaction.bytes_max = 4 << 20;
    transaction.then.push_back({.kind = StepKind::set, .key = "q/00000007", .value = "own"});
    for (int i = 0; i < 100; ++i)
        transaction.then.push_back(
            {.kind = StepKind::scan, .key = "q/", .end = "q0", .limit = 10, .keys_only = true});
    std::string body;
    append_transaction(body, transaction);
    Command command{.kind = CommandKind::transaction};
    command.value = body;
    Taken taken;
    const Batch batch = testing::batch_of(state.next(), Term(1), {set("a", "1"), command});
    const auto outcomes = apply(batch, taken);
    ASSERT_EQ(outcomes.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<Transacted>(outcomes[1]));
    if (GetParam() != Kind::memory) EXPECT_GT(taken.turns, 2);  // in memory nothing is hidden
    EXPECT_LE(taken.most, kBudget + kMostOfAScan);
    // The same in one go, on a state that never had those keys in its way.
    KvLayers other{std::make_shared<sim::SimBase>(), {}};
    for (LogIndex at(1); at < batch.header.first; at = at.next())
        other.apply(testing::no_op_batch(at, Term(1)), nullptr);
    std::vector<CommandOutcome> expected;
    other.apply(batch, &expected);
    EXPECT_EQ(outcomes, expected);
    EXPECT_EQ(state.scan(range("q/", "q0")).substr(0, 14), "q/00000007=own");
}

TEST_P(KvTurnsTest, KeysThatExpireTogetherGoInTurnsAndAllWithTheirBatch) {
    state.at_ms(1'000);
    write(0, 20'000, [](const std::string& key) { return ttl(500, set(key, "x")); });
    Batch tick = testing::no_op_batch(state.next(), Term(1));
    tick.header.time = WallTime(2'000'000);
    Taken taken;
    apply(tick, taken);
    EXPECT_GT(taken.turns, 1);
    EXPECT_LE(taken.most, kBudget + 100);
    EXPECT_EQ(state->due(), std::nullopt);
    EXPECT_EQ(state.scan(range("", {})), "");
}

TEST_P(KvTurnsTest, InVersion2NoBatchLetsMoreGoThanAPortion) {
    speak_version_2();
    state.at_ms(1'000);
    write(0, 25'000, [](const std::string& key) { return ttl(500, set(key, "x")); });
    state.at_ms(2'000);
    ScanQuery all = range("", {});
    all.limit = 1 << 20;
    for (const std::size_t left : {15'000U, 5'000U, 0U}) {
        state.apply_no_op_entry();
        EXPECT_EQ(state->scan(all).items.size(), left);
        EXPECT_EQ(state->due().has_value(), left > 0);
    }
}

TEST_P(KvTurnsTest, SessionsThatEndTogetherGoInPortionsInVersion2) {
    speak_version_2();
    state.at_ms(1'000);
    std::vector<Command> opens(1'700, Command{.kind = CommandKind::session});
    for (Command& open : opens) open.ttl_ms = 500;
    state.apply(opens);
    state.at_ms(5'000);
    std::vector<Command> uses;
    for (std::uint64_t id : {2U, 1'001U, 1'002U, 1'701U}) {
        uses.push_back({});
        uses.back().session = id;
        uses.back().seq = 1;
    }
    const auto outcomes = state.apply(uses);
    EXPECT_TRUE(std::holds_alternative<SessionExpired>(outcomes[0]));
    EXPECT_TRUE(std::holds_alternative<SessionExpired>(outcomes[1]));
    EXPECT_TRUE(std::holds_alternative<Written>(outcomes[2])) << "the next portion";
    EXPECT_TRUE(std::holds_alternative<Written>(outcomes[3]));
}

TEST_P(KvTurnsTest, InVersion2KeysCountWithTheirValues) {
    const auto keys_of = [&] {
        Transaction transaction;
        transaction.items_max = 1'000;
        transaction.bytes_max = 1'000;
        transaction.then.push_back({.kind = StepKind::scan, .key = "", .limit = 100, .keys_only = true});
        std::string body;
        append_transaction(body, transaction);
        Command command{.kind = CommandKind::transaction};
        command.value = body;
        return std::get<Transacted>(state.apply(command)).reply.size();
    };
    const std::string large(400, 'v');
    for (const char* key : {"a", "b", "c", "d"}) state.apply(set(key, large));
    const std::size_t all = keys_of();
    speak_version_2();
    EXPECT_LT(keys_of(), all);
}

}  // namespace
}  // namespace raftbus
