#include "actors/state_machine.hpp"

#include <gtest/gtest.h>

#include "sim/sim_base.hpp"
#include "storage/kv_rocksdb.hpp"
#include "storage/transaction.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/temp_directory.hpp"

namespace raftbus {
namespace {

using testing::erase;
using testing::if_revision;
using testing::set;

constexpr NodeId kSelf{1};
constexpr Address kReplicator{kSelf, ActorName::replicator};
constexpr Address kGateway{kSelf, ActorName::gateway};
constexpr Address kStateMachine{kSelf, ActorName::state_machine};

// Remembers which held-back message each answer was sent under.
class Scene : public testing::FakeContext {
public:
    explicit Scene(KvState& state, EntryId log_end = {})
        : FakeContext(kStateMachine), actor(*this, state, log_end) {}

    void answering(const Envelope& envelope) override { answered.push_back(envelope.number); }

    void give(const AnyMessage& message, Address from) {
        Envelope envelope;
        envelope.from = from;
        envelope.to = kStateMachine;
        envelope.number = ++number;
        ASSERT_TRUE(actor.receive(envelope, message));
    }
    void apply(std::vector<Batch> batches) {
        give(Apply{std::move(batches)}, kReplicator);
        actor.on_drained();
    }
    // Asks for the key once `at` is applied. Returns the number of the message that asks.
    std::uint64_t read(std::uint64_t read, std::uint64_t at, std::string_view key) {
        give(ReadState{ReadNumber(read), LogIndex(at), {GetQuery{SharedBytes::copy(key)}}},
             kGateway);
        return number;
    }

    StateMachine actor;
    std::uint64_t number = 0;
    std::vector<std::uint64_t> answered;
};

Batch from(NodeId origin, std::uint64_t proposal, Batch batch) {
    batch.header.origin = origin;
    batch.header.proposal = ProposalNumber(proposal);
    return batch;
}

// "read 7 at 3: v@2"
std::string to_line(const StateRead& read) {
    std::string line =
        "read " + std::to_string(read.read.value) + " at " + std::to_string(read.applied.value);
    for (const Answer& answer : read.answers) {
        const auto& item = std::get<GetAnswer>(answer).item;
        line +=
            ": " +
            (item ? std::string(item->value.view()) + "@" + std::to_string(item->revision) : "-");
    }
    return line;
}

class StateMachineTest : public ::testing::Test {
protected:
    std::vector<std::string> reads() {
        std::vector<std::string> lines;
        for (const StateRead& read : node.take<StateRead>()) lines.push_back(to_line(read));
        return lines;
    }
    KvLayers state{std::make_shared<sim::SimBase>(), {}};
    Scene node{state};
};

// What an earlier life of the process had shown stands in the log that was found.
TEST_F(StateMachineTest, ShowsNothingOlderThanItsLogAfterARestart) {
    Scene restarted(state, {LogIndex(2), Term(3)});
    restarted.actor.start();
    restarted.read(1, 0, "a");
    restarted.give(Watch{WatchNumber(7), SharedBytes::copy("a"), false, {}}, kGateway);
    restarted.apply({testing::batch_of(LogIndex(1), Term(3), {set("a", "1")})});
    EXPECT_TRUE(restarted.take<StateRead>().empty());
    EXPECT_TRUE(restarted.take<Watching>().empty());

    restarted.apply({testing::batch_of(LogIndex(2), Term(3), {set("a", "2")})});
    const auto reads = restarted.take<StateRead>();
    ASSERT_EQ(reads.size(), 1U);
    EXPECT_EQ(to_line(reads[0]), "read 1 at 2: 2@2");
    const auto watching = restarted.take<Watching>();
    ASSERT_EQ(watching.size(), 1U);
    EXPECT_EQ(watching[0].after, LogIndex(2));
    restarted.read(2, 0, "a");
    EXPECT_EQ(restarted.take<StateRead>().size(), 1U);
}

// An end of the log that another leader cuts off was never shown to anybody.
TEST_F(StateMachineTest, WaitsForNoEndThatALaterTermCutOff) {
    Scene restarted(state, {LogIndex(9), Term(3)});
    restarted.read(1, 0, "a");
    restarted.apply({testing::batch_of(LogIndex(1), Term(2), {set("a", "1")})});
    EXPECT_TRUE(restarted.take<StateRead>().empty());
    restarted.apply({testing::no_op_batch(LogIndex(2), Term(4))});
    ASSERT_EQ(restarted.take<StateRead>().size(), 1U);
}

TEST_F(StateMachineTest, AnUnwatchedWatchDoesNotBeginAfterARestart) {
    Scene restarted(state, {LogIndex(1), Term(3)});
    restarted.give(Watch{WatchNumber(7), SharedBytes::copy("a"), false, {}}, kGateway);
    restarted.give(Unwatch{WatchNumber(7)}, kGateway);
    restarted.apply({testing::no_op_batch(LogIndex(1), Term(3))});
    EXPECT_TRUE(restarted.take<Watching>().empty());
    EXPECT_EQ(restarted.actor.watches().size(), 0U);
}

TEST_F(StateMachineTest, TellsReplicatorAndGatewayHowFarItIs) {
    node.apply({testing::no_op_batch(LogIndex(1), Term(3)),
                from(NodeId(2), 9,
                     testing::batch_of(LogIndex(2), Term(4), {set("a", "1"), set("b", "2")}))});
    ASSERT_EQ(node.sent.size(), 2U);
    EXPECT_EQ(node.sent[0].to, kReplicator);
    EXPECT_EQ(std::get<Applied>(node.sent[0].message),
              (Applied{LogIndex(3), WallTime(), std::nullopt, state.digest()}));
    EXPECT_EQ(node.sent[1].to, kGateway);
    EXPECT_EQ(std::get<OutcomesReady>(node.sent[1].message),
              (OutcomesReady{LogIndex(3), Term(4), {}}))
        << "sent though no batch is this node's: index and term settle older proposals";
}

TEST_F(StateMachineTest, TellsTheReplicatorItsClockAndWhatItWaitsFor) {
    Batch first = testing::batch_of(
        LogIndex(1), Term(1), {testing::ttl(5, set("k", "v")), testing::ttl(3, set("l", "v"))});
    first.header.time = WallTime(10'000);
    node.apply({first});
    EXPECT_EQ(node.take<Applied>().at(0),
              (Applied{LogIndex(2), WallTime(10'000), WallTime(13'000), state.digest()}));
    Batch tick = testing::no_op_batch(LogIndex(3), Term(1));
    tick.header.kind = BatchKind::tick;
    tick.header.time = WallTime(20'000);
    node.apply({tick});
    EXPECT_EQ(node.take<Applied>().at(0),
              (Applied{LogIndex(3), WallTime(20'000), std::nullopt, state.digest()}));
    EXPECT_EQ(state.get("k"), std::nullopt);
}

TEST_F(StateMachineTest, GivesTheGatewayTheOutcomesOfItsOwnBatches) {
    node.apply({from(kSelf, 7,
                     testing::batch_of(LogIndex(1), Term(1),
                                       {set("a", "1"), if_revision(5, set("a", "2"))})),
                from(NodeId(2), 7, testing::batch_of(LogIndex(3), Term(1), {set("b", "1")})),
                from(kSelf, 8, testing::batch_of(LogIndex(4), Term(1), {erase("b")}))});
    const std::vector<OutcomesReady> ready = node.take<OutcomesReady>();
    ASSERT_EQ(ready.size(), 1U);
    EXPECT_EQ(ready[0].batches,
              (std::vector<BatchOutcome>{
                  {ProposalNumber(7), {Written{1, false}, ConditionFailed{true, 1}}},
                  {ProposalNumber(8), {Written{4, true}}}}));
}

TEST_F(StateMachineTest, HasNoOutcomeForALeadersNoOpEntry) {
    node.apply({from(kSelf, 0, testing::no_op_batch(LogIndex(1), Term(1)))});
    EXPECT_TRUE(node.take<OutcomesReady>().at(0).batches.empty());
    EXPECT_EQ(state.applied().index, LogIndex(1));
}

TEST_F(StateMachineTest, SkipsWhatItHasApplied) {
    const Batch first = from(kSelf, 1, testing::batch_of(LogIndex(1), Term(1), {set("k", "1")}));
    const Batch second = from(kSelf, 2, testing::batch_of(LogIndex(2), Term(1), {set("k", "2")}));
    node.apply({first});
    node.sent.clear();

    node.apply({first, second});
    EXPECT_EQ(node.take<Applied>().at(0),
              (Applied{LogIndex(2), WallTime(), std::nullopt, state.digest()}));
    EXPECT_EQ(node.take<OutcomesReady>().at(0),
              (OutcomesReady{LogIndex(2), Term(1), {{ProposalNumber(2), {Written{2, false}}}}}));
    EXPECT_EQ(state.get("k")->revision, 2U);

    node.apply({first});
    EXPECT_EQ(node.take<Applied>().at(0),
              (Applied{LogIndex(2), WallTime(), std::nullopt, state.digest()}))
        << "the replicator gets on";
    EXPECT_EQ(node.take<OutcomesReady>().at(0), (OutcomesReady{LogIndex(2), Term(1), {}}));
}

TEST_F(StateMachineTest, TakesAGapForABug) {
    const Batch third = testing::batch_of(LogIndex(3), Term(1), {set("k", "v")});
    Envelope envelope;
    EXPECT_THROW(node.actor.on(Apply{{third}}, envelope), CheckFailed);
}

TEST_F(StateMachineTest, AnswersAtOnceWhatItHasApplied) {
    node.read(1, 0, "k");
    EXPECT_EQ(reads(), std::vector<std::string>{"read 1 at 0: -"});
    node.apply({testing::batch_of(LogIndex(1), Term(1), {set("k", "v")})});
    node.read(2, 1, "k");
    EXPECT_EQ(reads(), std::vector<std::string>{"read 2 at 1: v@1"});
    EXPECT_TRUE(node.answered.empty()) << "nothing was held back";
}

TEST_F(StateMachineTest, HoldsReadsBackUntilTheirIndexIsApplied) {
    const std::uint64_t at_three = node.read(1, 3, "k");
    const std::uint64_t at_two = node.read(2, 2, "k");
    const std::uint64_t at_two_again = node.read(3, 2, "k");
    node.apply({testing::batch_of(LogIndex(1), Term(1), {set("k", "1")})});
    EXPECT_EQ(node.actor.waiting(), 3U);
    EXPECT_TRUE(reads().empty());

    node.apply({testing::batch_of(LogIndex(2), Term(1), {set("k", "2")})});
    EXPECT_EQ(reads(), (std::vector<std::string>{"read 2 at 2: 2@2", "read 3 at 2: 2@2"}));
    node.apply({testing::batch_of(LogIndex(3), Term(1), {set("k", "3"), set("k", "4")})});
    EXPECT_EQ(reads(), std::vector<std::string>{"read 1 at 4: 4@4"});
    EXPECT_EQ(node.actor.waiting(), 0U);
    EXPECT_EQ(node.answered, (std::vector<std::uint64_t>{at_two, at_two_again, at_three}));
}

TEST_F(StateMachineTest, AnswersAllQueriesOfAReadInOrder) {
    node.apply({testing::batch_of(LogIndex(1), Term(1), {set("a", "1"), set("b", "2")})});
    ScanQuery scan;
    scan.start = SharedBytes::copy("a");
    scan.limit = 1;
    scan.bytes_max = 100;
    const GetQuery get{SharedBytes::copy("b")};
    node.give(ReadState{ReadNumber(5), LogIndex(1), {scan, get}}, kGateway);
    const StateRead read = node.take<StateRead>().at(0);
    EXPECT_EQ(read.read, ReadNumber(5));
    ASSERT_EQ(read.answers.size(), 2U);
    const auto& scanned = std::get<ScanAnswer>(read.answers[0]);
    ASSERT_EQ(scanned.items.size(), 1U);
    EXPECT_EQ(scanned.items[0].key.view(), "a");
    EXPECT_TRUE(scanned.more);
    EXPECT_EQ(std::get<GetAnswer>(read.answers[1]).item->value.view(), "2");
}

// ---- turns

ReadState scan_of(std::uint64_t read, std::string_view start, std::string_view end) {
    ScanQuery query;
    query.start = SharedBytes::copy(start);
    query.end = SharedBytes::copy(end);
    query.limit = 10;
    query.bytes_max = 1'000;
    return {ReadNumber(read), LogIndex(1), {query}};
}

class StateMachineTurns : public StateMachineTest {
protected:
    static constexpr int kMany = 150'000;

    // As many keys as that were there, and are no more.
    void delete_many() {
        for (int i = 0; i < kMany; i += 1'000) {
            std::vector<std::string> keys;
            std::vector<Command> commands;
            for (int k = i; k < i + 1'000; ++k) keys.push_back("q/" + std::to_string(1'000'000 + k));
            for (const std::string& key : keys) commands.push_back(set(key, "x"));
            for (const std::string& key : keys) commands.push_back(erase(key));
            state.apply(testing::batch_of(state.applied().index.next(), Term(1), commands),
                        nullptr);
        }
    }
    Command transaction_of_scans(int scans) {
        Transaction transaction;
        transaction.items_max = transaction.bytes_max = 10'000;
        transaction.then.push_back({.kind = StepKind::set, .key = "early", .value = "1"});
        for (int i = 0; i < scans; ++i)
            transaction.then.push_back({.kind = StepKind::scan, .key = "q/", .end = "q0", .limit = 9});
        append_transaction(body, transaction);
        Command command{.kind = CommandKind::transaction};
        command.value = body;
        return command;
    }
    // One burst, of what the actor has put off.
    bool turn() {
        if (node.timers.empty()) return false;
        const TimerId id = node.timers.begin()->first;
        node.timers.erase(id);
        node.actor.on_timer(id);
        node.actor.on_drained();
        return true;
    }
    std::string body;
};

TEST_F(StateMachineTurns, AScanThatNeedsManyTurnsHoldsNoOtherReadUp) {
    delete_many();
    node.give(scan_of(1, "q/", "q0"), kGateway);
    EXPECT_TRUE(node.take<StateRead>().empty());
    node.actor.on_drained();
    node.read(2, 1, "a");
    EXPECT_EQ(reads(), (std::vector<std::string>{"read 2 at " + std::to_string(2 * kMany) + ": -"}));
    int turns = 1;
    for (; node.take<StateRead>().empty(); ++turns) ASSERT_TRUE(turn());
    EXPECT_GE(turns, 3);
    EXPECT_EQ(node.actor.waiting(), 0U);
    EXPECT_LE(node.actor.most_work(), 130'000U);
    node.give(scan_of(3, "q/", "q0"), kGateway);
    EXPECT_EQ(node.take<StateRead>().size(), 1U) << "the way is known by now";
}

TEST_F(StateMachineTurns, AHalfDoneBatchIsShownToNobody) {
    delete_many();
    const LogIndex before = state.applied().index;
    node.give(Apply{{from(kSelf, 7, testing::batch_of(before.next(), Term(1),
                                                      {transaction_of_scans(20), set("late", "2")}))}},
              kReplicator);
    node.actor.on_drained();
    EXPECT_TRUE(node.take<Applied>().empty());
    node.read(1, before.value, "early");
    node.give(Watch{WatchNumber(3), SharedBytes::copy("early"), false, {}}, kGateway);
    node.give(TakeSnapshot{1}, kGateway);
    node.give(AskReport{4}, kGateway);
    node.actor.on_drained();
    EXPECT_TRUE(node.take<StateRead>().empty());
    EXPECT_TRUE(node.take<Watching>().empty());
    EXPECT_TRUE(node.jobs.empty()) << "no flush";
    const StateReport report = node.take<StateReport>().at(0);
    EXPECT_EQ(report.applied, before);
    EXPECT_EQ(report.digest, state.digest());
    while (turn()) {
    }
    EXPECT_EQ(state.applied().index, LogIndex(before.value + 2));
    EXPECT_NE(report.digest, state.digest());
    EXPECT_EQ(reads(), (std::vector<std::string>{"read 1 at " + std::to_string(before.value + 2) +
                                                 ": 1@" + std::to_string(before.value + 1)}));
    EXPECT_EQ(node.take<Watching>().at(0).after, LogIndex(before.value + 2));
    EXPECT_EQ(node.jobs.size(), 1U) << "the flush that was asked for";
    const auto ready = node.take<OutcomesReady>();
    ASSERT_EQ(ready.size(), 1U);
    ASSERT_EQ(ready[0].batches.size(), 1U);
    EXPECT_EQ(ready[0].batches[0].outcomes.size(), 2U);
    EXPECT_LE(node.actor.most_work(), 130'000U);
}

TEST_F(StateMachineTurns, ManySmallCommandsAreAppliedInBurstsAsWell) {
    std::vector<Command> commands(20'000, set("k", "v"));
    std::vector<Batch> batches;
    for (std::uint64_t first = 1; first <= 40'001; first += 20'000)
        batches.push_back(testing::batch_of(LogIndex(first), Term(1), commands));
    node.give(Apply{batches}, kReplicator);
    node.actor.on_drained();
    EXPECT_LT(state.applied().index, LogIndex(60'000));
    while (turn()) {
    }
    EXPECT_EQ(state.applied().index, LogIndex(60'000));
    EXPECT_LE(node.actor.most_work(), 61'000U);
}

// What RocksDB would have to pass over in one call is found out in the background, while other work
// goes on.
TEST(StateMachineExplores, WhatLiesBehindDeletedKeysInRocksDb) {
    testing::TempDirectory directory;
    const auto state = std::move(KvRocksdb::open(directory.path(), {}).value());
    std::vector<std::string> keys;
    for (int i = 0; i < 60'000; ++i) keys.push_back("q/" + std::to_string(1'000'000 + i));
    for (const bool there : {true, false}) {
        std::vector<Command> commands;
        for (const std::string& key : keys) commands.push_back(there ? set(key, "x") : erase(key));
        state->apply(testing::batch_of(state->applied().index.next(), Term(1), commands), nullptr);
        state->begin_flush()();
        state->end_flush();
    }
    state->apply(testing::batch_of(state->applied().index.next(), Term(1), {set("q/9", "there")}),
                 nullptr);
    Scene node(*state);
    node.give(scan_of(1, "q/", "q0"), kGateway);
    node.actor.on_drained();
    ASSERT_EQ(node.jobs.size(), 1U);
    node.read(2, 1, "q/9");
    EXPECT_EQ(node.take<StateRead>().size(), 1U);
    node.give(scan_of(3, "q/1", "q/2"), kGateway);
    node.actor.on_drained();
    EXPECT_EQ(node.jobs.size(), 1U) << "one at a time";
    std::vector<StateRead> answers;
    for (int rounds = 0; answers.size() < 2 && rounds < 100; ++rounds) {
        if (!node.jobs.empty())
            node.finish_job(node.actor);
        else
            node.run(node.actor, Duration(1));
        for (StateRead& read : node.take<StateRead>()) answers.push_back(std::move(read));
    }
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].read, ReadNumber(1));
    EXPECT_EQ(std::get<ScanAnswer>(answers[0].answers[0]).items.at(0).key.view(), "q/9");
    EXPECT_TRUE(std::get<ScanAnswer>(answers[1].answers[0]).items.empty());
    EXPECT_LE(node.actor.most_work(), 130'000U);
}

TEST_F(StateMachineTest, ReportsToWhoeverAsks) {
    node.apply({testing::batch_of(LogIndex(1), Term(1), {set("a", "1"), set("b", "2")})});
    node.sent.clear();
    node.give(AskReport{12}, kGateway);
    ASSERT_EQ(node.sent.size(), 1U);
    EXPECT_EQ(node.sent[0].to, kGateway);
    StateReport expected{12, LogIndex(2), state.digest(), 2};
    expected.most_work = 2 * Work::kCommand;
    EXPECT_EQ(std::get<StateReport>(node.sent[0].message), expected);
}

TEST_F(StateMachineTest, TakesNothingElse) {
    EXPECT_FALSE(node.actor.receive(Envelope{}, Fence{Term(1)}));
}

TEST(StateMachineFlush, RunsInTheBackgroundWhileWorkGoesOn) {
    testing::TempDirectory directory;
    KvRocksdbOptions options;
    options.layers.replay_bytes = 1;  // every batch is worth a flush
    const auto state = std::move(KvRocksdb::open(directory.path(), options).value());
    Scene node(*state);

    node.apply({testing::batch_of(LogIndex(1), Term(2), {set("k", "1")})});
    EXPECT_EQ(node.jobs.size(), 1U);
    node.apply({testing::batch_of(LogIndex(2), Term(2), {set("k", "2")})});
    EXPECT_EQ(node.jobs.size(), 1U) << "one at a time";
    node.read(1, 2, "k");
    EXPECT_EQ(to_line(node.take<StateRead>().at(0)), "read 1 at 2: 2@2");

    node.finish_job(node.actor);
    EXPECT_EQ(state->flushed(), (EntryId{LogIndex(1), Term(2)}));
    EXPECT_EQ(node.logged, std::vector<std::string>{"the state is flushed up to 1/2"});
    EXPECT_EQ(node.jobs.size(), 2U) << "what came meanwhile is worth the next";
    EXPECT_FALSE(state->leftovers()) << "the first job gives back what the flush has left";
    node.finish_job(node.actor);
    node.finish_job(node.actor);
    EXPECT_EQ(state->flushed(), (EntryId{LogIndex(2), Term(2)}));
    node.finish_job(node.actor);
    EXPECT_TRUE(node.jobs.empty());
}

}  // namespace
}  // namespace raftbus
