#include "actors/state_machine.hpp"

#include <gtest/gtest.h>

#include "sim/sim_base.hpp"
#include "storage/kv_rocksdb.hpp"
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
    explicit Scene(KvState& state) : FakeContext(kStateMachine), actor(*this, state) {}

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

TEST_F(StateMachineTest, ReportsToWhoeverAsks) {
    node.apply({testing::batch_of(LogIndex(1), Term(1), {set("a", "1"), set("b", "2")})});
    node.sent.clear();
    node.give(AskReport{12}, kGateway);
    ASSERT_EQ(node.sent.size(), 1U);
    EXPECT_EQ(node.sent[0].to, kGateway);
    EXPECT_EQ(std::get<StateReport>(node.sent[0].message),
              (StateReport{12, LogIndex(2), state.digest(), 2}));
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
