// Digests of the states: what a node remembers of its own, how a leader finds out who is wrong, and
// what a node does whose state is not the others'.

#include <gtest/gtest.h>

#include "actors/digest_comparison.hpp"
#include "actors/digest_witness.hpp"
#include "actors/replicator.hpp"
#include "actors/state_machine.hpp"
#include "sim/sim_base.hpp"
#include "storage/kv_layers.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/gateway_scene.hpp"
#include "tests/testing/makers.hpp"

namespace raftbus::testing {
namespace {

using namespace std::chrono_literals;

CompareDigest question(std::uint64_t index, std::uint64_t digest = 0) {
    return {Term(1), LogIndex(index), digest};
}
DigestVerdict verdict(std::uint64_t index, std::uint64_t expected, bool by_majority = true) {
    return {LogIndex(index), expected, by_majority};
}

// ---- what a node remembers

TEST(DigestWitness, AnswersForTheEndsOfBatchesAndGuessesNothing) {
    DigestWitness witness;
    witness.begin(LogIndex(4), 44);
    witness.applied(LogIndex(6), 66);
    EXPECT_EQ(witness.on(question(4), {})->reply.digest, 44u);
    EXPECT_EQ(witness.on(question(6), {})->reply.digest, 66u);
    EXPECT_FALSE(witness.on(question(5), {})) << "in the middle of a batch";
    EXPECT_FALSE(witness.on(question(3), {})) << "before the start";
    EXPECT_FALSE(witness.due()) << "and none of it waits";
}

TEST(DigestWitness, AQuestionAheadWaitsUntilThatIsApplied) {
    DigestWitness witness;
    witness.begin(LogIndex(4), 44);
    EXPECT_FALSE(witness.on(question(6), {}));
    EXPECT_FALSE(witness.due());
    witness.applied(LogIndex(6), 66);
    ASSERT_TRUE(witness.due());
    EXPECT_FALSE(witness.due()) << "answered once";
}

TEST(DigestWitness, ForgetsTheOldest) {
    DigestWitness witness;
    for (std::uint64_t i = 1; i <= 10'000; ++i) witness.applied(LogIndex(i), i);
    EXPECT_FALSE(witness.on(question(1), {}));
    EXPECT_EQ(witness.on(question(9'000), {})->reply.digest, 9'000u);
}

TEST(DigestWitness, IsToldThatItDiffersAndThatItDoesNot) {
    DigestWitness witness;
    witness.begin(LogIndex(4), 44);
    EXPECT_FALSE(witness.on(verdict(4, 44))) << "it does not differ";
    EXPECT_FALSE(witness.on(verdict(5, 55))) << "not known";
    EXPECT_TRUE(witness.on(verdict(4, 45, false)));
    EXPECT_EQ(witness.diverged(), (Divergence{LogIndex(4), 44, 45, false}));
    EXPECT_TRUE(witness.on(question(4), {})->reply.diverged);
    EXPECT_TRUE(witness.on(verdict(4, 45))) << "a majority says so, too";
    EXPECT_FALSE(witness.on(verdict(4, 44, false))) << "a leader alone does not outweigh it";
    EXPECT_TRUE(witness.on(verdict(4, 44)));
    EXPECT_FALSE(witness.diverged());
}

TEST(DigestWitness, AnotherStateInItsPlaceIsSound) {
    DigestWitness witness;
    witness.begin(LogIndex(4), 44);
    witness.on(verdict(4, 45));
    witness.begin(LogIndex(9), 99);
    EXPECT_FALSE(witness.diverged());
    EXPECT_FALSE(witness.on(question(4), {}));
}

// ---- how a leader finds out

constexpr NodeId kLeader(1);

class Comparison : public ::testing::Test {
protected:
    void cluster(std::vector<std::vector<NodeId>> halves, std::vector<std::uint32_t> peers) {
        halves_ = std::move(halves);
        for (const std::uint32_t n : peers) {
            auto& peer = peers_.try_emplace(NodeId(n), LogIndex(1), context_.now()).first->second;
            peer.connected = true;
        }
    }
    void three() { cluster({{NodeId(1), NodeId(2), NodeId(3)}}, {2, 3}); }
    DigestComparison::View view() const { return {halves_, peers_, applied_}; }
    // A second passes; whom it asks.
    std::vector<std::uint32_t> ask() {
        context_.pass(1s);
        comparison_.tick(view());
        std::vector<std::uint32_t> asked;
        for (const auto& sent : context_.sent) {
            if (!std::holds_alternative<CompareDigest>(sent.message)) continue;
            EXPECT_EQ(sent.to.actor, ActorName::state_machine);
            asked.push_back(sent.to.node.value);
        }
        context_.take<CompareDigest>();
        return asked;
    }
    void answer(std::uint32_t node, std::uint64_t digest, bool diverged = false,
                std::uint64_t index = 7) {
        comparison_.on({Term(1), LogIndex(index), digest, diverged}, NodeId(node), view());
    }
    // "n2 expects 70": the verdicts since the last call; "~" without a majority.
    std::string told() {
        std::string text;
        for (const auto& sent : context_.sent)
            if (const auto* verdict = std::get_if<DigestVerdict>(&sent.message))
                text += (text.empty() ? "n" : ", n") + std::to_string(sent.to.node.value) +
                        (verdict->by_majority ? " expects " : " expects ~") +
                        std::to_string(verdict->expected);
        context_.take<DigestVerdict>();
        return text;
    }

    FakeContext context_{Address{kLeader, ActorName::replicator}};
    std::vector<std::vector<NodeId>> halves_;
    std::map<NodeId, PeerProgress> peers_;
    std::optional<StateDigest> applied_ = StateDigest{LogIndex(7), 70};
    DigestComparison comparison_{context_, Term(1)};
};
using Nodes = std::vector<std::uint32_t>;

TEST_F(Comparison, AsksUntilAllHaveTheSameAndThenIsSilent) {
    three();
    EXPECT_EQ(ask(), (Nodes{2, 3}));
    answer(2, 70);
    EXPECT_EQ(ask(), (Nodes{3})) << "who has not answered";
    answer(3, 70);
    EXPECT_EQ(ask(), Nodes());
    EXPECT_EQ(told(), "");
    comparison_.peer_up(NodeId(2));
    EXPECT_EQ(ask(), (Nodes{2})) << "it may have been started anew";
    applied_ = StateDigest{LogIndex(8), 80};
    EXPECT_EQ(ask(), (Nodes{2, 3}));
}

TEST_F(Comparison, AMajorityTellsWhoDiffers) {
    three();
    ask();
    answer(2, 71);
    EXPECT_EQ(told(), "") << "one against one: the third decides";
    answer(3, 70);
    EXPECT_EQ(told(), "n2 expects 70");
    EXPECT_TRUE(comparison_.differs(NodeId(2)));
    EXPECT_FALSE(comparison_.differs(NodeId(3)));
}

TEST_F(Comparison, AMajorityTellsTheLeaderItself) {
    three();
    ask();
    answer(2, 71);
    answer(3, 71);
    EXPECT_EQ(told(), "n1 expects 71");
    EXPECT_FALSE(comparison_.differs(NodeId(2))) << "so it may lead";
}

TEST_F(Comparison, WithoutAMajorityTheLeadersCounts) {
    cluster({{NodeId(1), NodeId(2)}}, {2});
    ask();
    answer(2, 71);
    EXPECT_EQ(told(), "n2 expects ~70");
}

TEST_F(Comparison, AMissingVoterIsWaitedForUntilTheNextQuestion) {
    three();
    ask();
    answer(2, 71);
    EXPECT_EQ(told(), "");
    ask();
    EXPECT_EQ(told(), "n2 expects ~70");
    answer(2, 71, true);
    answer(3, 71);
    EXPECT_EQ(told(), "n2 expects 71, n1 expects 71") << "the mark is taken back, too";
}

TEST_F(Comparison, LearnersAreToldAndDoNotCount) {
    cluster({{NodeId(1)}}, {2, 3});
    ask();
    answer(2, 71);
    EXPECT_EQ(told(), "n2 expects 70");
}

TEST_F(Comparison, JointMajoritiesAreNeeded) {
    cluster({{NodeId(1), NodeId(2), NodeId(3)}, {NodeId(1), NodeId(4), NodeId(5)}}, {2, 3, 4, 5});
    ask();
    answer(2, 71);
    answer(3, 71);
    EXPECT_EQ(told(), "") << "of the first half alone";
    answer(4, 71);
    EXPECT_EQ(told(), "");
    answer(5, 71);
    EXPECT_EQ(told(), "n1 expects 71");
}

TEST_F(Comparison, AnswersToEarlierQuestionsAndOfStrangersCountForNothing) {
    three();
    ask();
    answer(2, 71, false, 6);
    answer(9, 71);
    answer(3, 71);
    EXPECT_EQ(told(), "");
}

// ---- what a node does

TEST(StateMachineDigest, ComparesAndTellsItsNeighbours) {
    KvLayers state{std::make_shared<sim::SimBase>(), {}};
    FakeContext context{Address{NodeId(2), ActorName::state_machine}};
    StateMachine machine(context, state);
    machine.start();
    Envelope from_leader;
    from_leader.from = {kLeader, ActorName::replicator};
    from_leader.to = context.self();
    const auto give = [&](AnyMessage message) {
        ASSERT_TRUE(machine.receive(from_leader, message));
    };
    give(question(1));
    EXPECT_TRUE(context.take<CompareDigestReply>().empty()) << "not applied yet";
    give(Apply{{batch_of(LogIndex(1), Term(1), {set("a", "1")})}});
    EXPECT_EQ(context.take<Applied>().at(0).digest, state.digest());
    EXPECT_EQ(context.take<CompareDigestReply>().at(0),
              (CompareDigestReply{Term(1), LogIndex(1), state.digest(), false}));
    context.sent.clear();
    give(verdict(1, 1234));
    ASSERT_EQ(context.sent.size(), 2u);
    EXPECT_EQ(context.sent[0].to.actor, ActorName::replicator);
    EXPECT_EQ(context.sent[1].to.actor, ActorName::gateway);
    const Divergence expected{LogIndex(1), state.digest(), 1234, true};
    EXPECT_EQ(context.take<StateJudged>().at(0).diverged, expected);
    EXPECT_NE(context.logged.back().find("raftbus repair"), std::string::npos);
    give(AskReport{1});
    EXPECT_EQ(context.take<StateReport>().at(0).diverged, expected);
}

TEST(GatewayDigest, AnswersNothingFromAStateThatDiffers) {
    GatewayScene scene;
    scene.leader(1, 2);
    scene.ask(set(1, "k"));
    scene.ask(get(2, "k"));
    const ProposalNumber proposal = scene.sent<Propose>().proposal;
    scene.sent<ReadIndex>();
    scene.deliver(StateJudged{Divergence{LogIndex(3), 1, 2, true}},
                  GatewayScene::neighbour(ActorName::state_machine));
    const auto replies = scene.take_replies();
    ASSERT_EQ(replies.size(), 2u);
    for (const auto& [route, reply] : replies)
        expect_failure(reply, reply["id"] == 1 ? "TIMEOUT" : "BUSY",
                       reply["id"] == 1 ? "unknown" : "no");
    scene.applied(4, 1, {written(proposal, 4)});
    scene.ask(set(3, "k"));
    const Json refused = scene.reply();
    expect_failure(refused, "BUSY", "no");
    EXPECT_NE(refused["message"].get<std::string>().find("raftbus repair"), std::string::npos);
    scene.ask({{"op", "STATUS"}});
    EXPECT_EQ(scene.count<AskReport>(), 3u) << "what needs no state is served";

    scene.deliver(StateJudged{}, GatewayScene::neighbour(ActorName::state_machine));
    scene.ask(get(4, "k"));
    EXPECT_EQ(scene.count<ReadIndex>(), 1u) << "well again";
}

}  // namespace
}  // namespace raftbus::testing
