// Data directories and the cluster's id, at the replicator: forming, binding, what counts, and who
// asks before it votes.

#include <gtest/gtest.h>

#include "actors/replicator.hpp"
#include "actors/vote_tally.hpp"
#include "tests/testing/fake_context.hpp"

namespace raftbus::testing {
namespace {

constexpr Address at(std::uint32_t node, ActorName actor) {
    return {NodeId(node), actor};
}
constexpr std::uint64_t kOwn = 101, kTwo = 102, kThree = 103;

class Forming : public ::testing::Test {
protected:
    Forming() {
        options_.disk = kOwn;
        options_.members = {{NodeId(1)}, {NodeId(2)}, {NodeId(3)}};
        context_.next_random = 41;
        replicator_.emplace(context_, options_, RecoveredLog{}, LogIndex(), WallTime());
        replicator_->start();
    }
    void give(const AnyMessage& message, Address from) {
        Envelope envelope;
        envelope.from = from;
        envelope.to = context_.self();
        ASSERT_TRUE(replicator_->receive(envelope, message));
        replicator_->on_drained();
    }
    void lead() {
        give(Fence{Term(1)}, at(1, ActorName::election));
        give(TermSaved{Term(1)}, at(1, ActorName::election));
        give(Lead{Term(1)}, at(1, ActorName::election));
    }
    // The own disk has what was appended.
    void sync() {
        for (const Append& append : context_.take<Append>())
            give(Appended{append.request}, at(1, ActorName::storage));
    }
    void matched(std::uint32_t node, std::uint64_t disk) {
        give(AppendEntriesReply{Term(1), Matched{replicator_->log().last().index}, disk},
             at(node, ActorName::replicator));
    }
    void settle(std::uint32_t node, std::uint64_t disk) {
        for (int i = 0; i < 4; ++i) {
            sync();
            matched(node, disk);
        }
    }
    void speaks(std::uint32_t node, std::uint64_t cluster = 0) {
        give(PeerSpeaks{NodeId(node), 1, 2, cluster}, at(1, ActorName::bus));
    }
    const Configuration& now() const {
        return replicator_->log().configurations().in_force().configuration;
    }
    // What the picture under the fence says of the right to vote.
    bool votes() {
        context_.take<Fenced>();
        give(Fence{replicator_->fence()}, at(1, ActorName::election));
        const auto fenced = context_.take<Fenced>();
        return !std::get<Standing>(fenced.at(0).outcome).forgetful;
    }

    FakeContext context_{at(1, ActorName::replicator)};
    RaftOptions options_;
    std::optional<Replicator> replicator_;
};

TEST_F(Forming, TheFirstLeaderDrawsAnIdOnceAMajorityAnswers) {
    lead();
    sync();
    EXPECT_EQ(now().cluster, 0u);
    EXPECT_EQ(replicator_->log().commit(), LogIndex(0)) << "its own word is not enough";
    matched(2, kTwo);
    EXPECT_EQ(now().cluster, 42u);
    EXPECT_EQ(now().disk_of(NodeId(1)), kOwn);
    EXPECT_EQ(now().disk_of(NodeId(2)), kTwo);
    EXPECT_EQ(now().disk_of(NodeId(3)), 0u) << "not heard yet";
    EXPECT_FALSE(now().formed) << "not committed yet";
    settle(2, kTwo);
    EXPECT_TRUE(now().formed);
}

TEST_F(Forming, ProposalsWaitUntilItIsFormed) {
    lead();
    Propose propose{Term(1), ProposalNumber(1), 1, 0, {}};
    give(propose, at(1, ActorName::gateway));
    EXPECT_EQ(replicator_->log().last().index, LogIndex(1)) << "the no-op alone";
    EXPECT_TRUE(context_.take<ProposeRefused>().empty());
    settle(2, kTwo);
    EXPECT_GT(replicator_->log().last().index, LogIndex(3));
}

TEST_F(Forming, WhoIsNotBoundCountsOnlyOnceItIs) {
    lead();
    settle(2, kTwo);
    matched(3, kThree);
    EXPECT_EQ(now().disk_of(NodeId(3)), kThree) << "bound when it answers";
    settle(3, kThree);
    EXPECT_EQ(replicator_->log().commit(), replicator_->log().last().index);
}

TEST_F(Forming, AnotherDirectoryUnderABoundNameDoesNotCount) {
    lead();
    settle(2, kTwo);
    const LogIndex before = replicator_->log().commit();
    give(Propose{Term(1), ProposalNumber(1), 1, 0, {}}, at(1, ActorName::gateway));
    ASSERT_GT(replicator_->log().last().index, before);
    sync();
    matched(2, 999);
    EXPECT_EQ(replicator_->log().commit(), before) << "an emptied disk has nothing to say";
    matched(2, kTwo);
    EXPECT_GT(replicator_->log().commit(), before);
}

TEST_F(Forming, WithPeersOfAnOlderReleaseAllIsAsBefore) {
    lead();
    sync();
    matched(2, 0);
    EXPECT_EQ(now().cluster, 0u);
    EXPECT_EQ(replicator_->log().commit(), LogIndex(1));
    speaks(2);
    speaks(3);
    EXPECT_EQ(now().version, 2u) << "when all know it";
    EXPECT_NE(now().cluster, 0u);
}

TEST_F(Forming, ANewNodeAsksBeforeItVotes) {
    EXPECT_FALSE(votes());
    speaks(2);
    EXPECT_FALSE(votes()) << "node 3 has not been heard";
    speaks(3);
    EXPECT_TRUE(votes());
}

TEST_F(Forming, ANewNodeWaitsOnlyForAWhile) {
    context_.pass(2 * options_.election_timeout_max);
    EXPECT_TRUE(votes());
}

TEST_F(Forming, ANewNodeThatMeetsAClusterFormsNone) {
    speaks(2);
    speaks(3, 77);
    context_.pass(1h);
    EXPECT_FALSE(votes());
}

TEST_F(Forming, ANewNodeThatIsKeptOutTakesNoPart) {
    speaks(2);
    speaks(3);
    give(KeptOut{NodeId(2)}, at(1, ActorName::bus));
    EXPECT_FALSE(votes());
    give(Fence{Term(5)}, at(1, ActorName::election));
    give(TermSaved{Term(5)}, at(1, ActorName::election));
    give(Heartbeat{Term(5), LogIndex(0), Round(1)}, at(2, ActorName::replicator));
    EXPECT_TRUE(context_.take<HeartbeatReply>().empty()) << "it follows nobody either";
}

TEST(Votes, CountWithTheDirectoryThatTheVoterIsBoundTo) {
    Configuration now = configuration_of({{NodeId(1)}, {NodeId(2)}, {NodeId(3)}});
    now.cluster = 77;
    now.version = 2;
    now.members[0].disk = kOwn;
    now.members[1].disk = kTwo;
    VoteTally tally(now);
    tally.count(NodeId(1), true, kOwn);
    tally.count(NodeId(3), true, kThree);
    EXPECT_FALSE(tally.won()) << "it is bound to no directory";
    tally.count(NodeId(2), true, 999);
    EXPECT_FALSE(tally.won()) << "it was emptied";
    tally.count(NodeId(2), true, kTwo);
    EXPECT_TRUE(tally.won());
}

}  // namespace
}  // namespace raftbus::testing
