// What a node's log says while no leader is heard, and whose term is in the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/election.hpp"
#include "messages/reminder.hpp"
#include "actors/replicator.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/makers.hpp"
#include "tests/testing/stage.hpp"

namespace raftbus::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Reminder, SpeaksAfterAWhileAndThenEverMoreSeldom) {
    Reminder reminder({.first = 1s, .again = 2s, .longest = 5s});
    const Moment begin(100s);
    std::vector<int> said;
    for (int second = 0; second <= 20; ++second)
        if (reminder.due(begin + second * 1s)) said.push_back(second);
    EXPECT_EQ(said, (std::vector{1, 3, 7, 12, 17}));
    EXPECT_EQ(reminder.lasted(begin + 20s), 20s);
    EXPECT_TRUE(reminder.over());
    EXPECT_FALSE(reminder.due(begin + 30s)) << "a new trouble begins";
    EXPECT_FALSE(reminder.over()) << "of which nothing was said";
}

// The election of node 1 of three, with the test in the place of everybody else.
class NobodyLeads : public ::testing::Test {
protected:
    NobodyLeads() { election_->start(); }
    void give(const AnyMessage& message, Address sender) {
        ASSERT_TRUE(election_->receive(from(sender), message));
    }
    // Time passes; each fence is answered with this standing, each pre-vote as `answer` does.
    void pass(Duration time, const Standing& standing,
              const std::function<void(const PreVote&)>& answer = {}) {
        for (Duration step(0); step < time; step += 50ms) {
            context_.run(*election_, 50ms);
            for (const Fence& fence : context_.take<Fence>())
                give(Fenced{fence.term, standing}, replicator(1));
            const auto asked = context_.take<PreVote>();
            if (!asked.empty() && answer) answer(asked.front());
        }
    }
    // The last line that tells of it; empty: none.
    std::string line() const {
        std::string last;
        for (const std::string& text : context_.logged)
            if (text.find("no leader has been heard") != std::string::npos) last = text;
        return last;
    }
    Standing standing() const {
        Standing standing;
        standing.configuration = Configuration(options_.members);
        return standing;
    }

    FakeContext context_{election(1)};
    RaftOptions options_ = stage_options(3);
    std::optional<Election> election_{std::in_place, context_, options_, HardState{Term(7), {}}};
};

TEST_F(NobodyLeads, SaysForHowLongAndWhoIsOutOfReach) {
    pass(1500ms, standing());
    EXPECT_EQ(line(), "") << "an election or two take that long";
    pass(2s, standing());
    EXPECT_THAT(line(), AllOf(HasSubstr("term 7"), HasSubstr("n2: not connected"),
                              HasSubstr("n3: not connected"), HasSubstr("fewer than a majority")));
    const std::size_t said = context_.logged.size();
    pass(2s, standing());
    EXPECT_EQ(context_.logged.size(), said) << "ever more seldom";
}

TEST_F(NobodyLeads, SaysWhatEachVoterAnswered) {
    give(PeerUp{NodeId(2)}, {NodeId(1), ActorName::bus});
    give(PeerUp{NodeId(3)}, {NodeId(1), ActorName::bus});
    pass(4s, standing(), [this](const PreVote& asked) {
        give(PreVoteReply{asked.term, false, Term(7)}, election(2));
    });
    EXPECT_THAT(line(), AllOf(HasSubstr("n2: refuses"), HasSubstr("n3: connected, no answer"),
                              Not(HasSubstr("fewer than a majority"))));
}

TEST_F(NobodyLeads, SaysWhyItDoesNotCampaign) {
    Standing silent = standing();
    silent.storage_answers = false;
    pass(4s, silent);
    EXPECT_THAT(line(), HasSubstr("does not campaign: its disk does not answer"));
}

TEST_F(NobodyLeads, SaysNothingOnceALeaderIsHeard) {
    pass(1500ms, standing());
    give(LeaderHeard{Term(7), NodeId(2)}, replicator(1));
    pass(500ms, standing());
    EXPECT_EQ(line(), "");
}

TEST(TermInTheWay, ALeaderNamesTheNodeWhoseTermEndsItsOwn) {
    FakeContext context(replicator(1));
    RaftOptions options = stage_options(3);
    Replicator leader(context, options, RecoveredLog{}, LogIndex(0), WallTime());
    leader.start();
    const auto give = [&](const AnyMessage& message, Address sender) {
        ASSERT_TRUE(leader.receive(from(sender), message));
    };
    give(Fence{Term(4)}, election(1));
    give(TermSaved{Term(4)}, election(1));
    give(Lead{Term(4)}, election(1));
    context.logged.clear();
    give(NewerTerm{Term(9)}, replicator(3));
    ASSERT_EQ(context.logged.size(), 1u);
    EXPECT_THAT(context.logged[0],
                AllOf(HasSubstr("n3 is in term 9"), HasSubstr("this leader's 4")));
}

}  // namespace
}  // namespace raftbus::testing
