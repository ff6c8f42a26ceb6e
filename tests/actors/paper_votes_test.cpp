// Figure 2 of the Raft paper, continued: RequestVote RPC, receiver implementation, and candidates.
// On the stage, for they need all three actors.

#include <gtest/gtest.h>

#include "tests/testing/makers.hpp"
#include "tests/testing/stage.hpp"

namespace raftbus::testing {
namespace {

class Votes : public ::testing::Test {
protected:
    Stage stage_{3, stage_options(3)};
    void elect(std::uint32_t node) {
        stage_.pass(400ms);
        stage_.election_timeout(NodeId(node));
        stage_.settle();
        ASSERT_TRUE(stage_.view(NodeId(node)).leads);
    }
    void ask(std::uint32_t candidate, std::uint32_t voter, std::uint64_t term, EntryId last) {
        stage_.send(election(candidate), election(voter), RequestVote{Term(term), last, false});
        stage_.settle(NodeId(voter));
        stage_.deliver(election(candidate), election(voter));
        stage_.settle(NodeId(voter));
    }
};

TEST_F(Votes, Vote1_AnOlderTermGetsNone) {
    elect(1);
    ask(2, 3, 0, entry(9, 9));
    EXPECT_EQ(stage_.view(NodeId(3)).vote, NodeId(1));
}

TEST_F(Votes, Vote2_ALogThatIsBehindGetsNoneButItsTermIsEntered) {
    elect(1);
    ask(2, 3, 5, entry(0, 0));
    const NodeView voter = stage_.view(NodeId(3));
    EXPECT_EQ(voter.term, Term(5));
    EXPECT_FALSE(voter.vote);
    EXPECT_EQ(voter.stored.term, Term(5)) << "saved before it was answered";
}

TEST_F(Votes, Vote2_FirstComeFirstServed) {
    elect(1);
    ask(2, 3, 5, entry(1, 1));
    ask(1, 3, 5, entry(9, 4));
    EXPECT_EQ(stage_.view(NodeId(3)).vote, NodeId(2));
}

TEST_F(Votes, Vote_ALaterLastTermBeatsALongerLog) {
    elect(1);
    for (int i = 0; i < 3; ++i) stage_.propose(NodeId(1), NodeId(1), "x");
    stage_.settle();
    ask(2, 3, 5, entry(1, 2));
    EXPECT_EQ(stage_.view(NodeId(3)).vote, NodeId(2));
}

TEST_F(Votes, Vote_IsRememberedOverARestart) {
    elect(1);
    ask(2, 3, 5, entry(1, 1));
    stage_.crash(NodeId(3));
    stage_.restart(NodeId(3));
    ask(1, 3, 5, entry(9, 4));
    EXPECT_EQ(stage_.view(NodeId(3)).vote, NodeId(2));
}

// It has forgotten what it acknowledged: whose log is good enough it can not tell.
TEST(ForgetfulVotes, ANodeThatIsRebuiltGivesNoneUntilItsLogHasCaughtUp) {
    RaftOptions options = stage_options(3);
    options.rejoin_at = LogIndex(2);
    Stage stage(3, options);
    const auto ask = [&](std::uint64_t term) {
        stage.send(election(2), election(3), RequestVote{Term(term), entry(9, 4), false});
        stage.settle(NodeId(3));
        stage.deliver(election(2), election(3));
        stage.settle(NodeId(3));
        return stage.view(NodeId(3));
    };
    const NodeView before = ask(5);
    EXPECT_EQ(before.term, Term(5)) << "the term is entered all the same";
    EXPECT_FALSE(before.vote);
}

TEST_F(Votes, Candidate_ALeaderOfTheSameTermEndsTheCampaign) {
    stage_.hold(election(1), election(2));
    stage_.election_timeout(NodeId(1));
    stage_.settle();
    EXPECT_EQ(stage_.view(NodeId(1)).role, RoleName::leader) << "elected by node 3";
    stage_.pass(400ms);
    stage_.cut(NodeId(1), NodeId(2));
    stage_.election_timeout(NodeId(2));
    stage_.settle();
    EXPECT_EQ(stage_.view(NodeId(2)).role, RoleName::leader);
    stage_.heal();
    stage_.tick(NodeId(2));
    stage_.settle();
    EXPECT_EQ(stage_.view(NodeId(1)).role, RoleName::follower);
    EXPECT_EQ(stage_.view(NodeId(1)).term, stage_.view(NodeId(2)).term);
}

TEST_F(Votes, ElectionSafety_EveryNodeCampaigningAgainAndAgainMakesProgress) {  // E1
    for (int round = 0; round < 20; ++round) {
        stage_.pass(400ms);
        for (std::uint32_t n : {1, 2, 3})
            if (!stage_.view(NodeId(n)).leads) stage_.election_timeout(NodeId(n));
        stage_.settle();
    }
    int leaders = 0;
    for (std::uint32_t n : {1, 2, 3}) leaders += stage_.view(NodeId(n)).leads;
    EXPECT_EQ(leaders, 1);
}

}  // namespace
}  // namespace raftbus::testing
