// Raft §6, Diss. §4: which configuration is in force, whose majorities count, and how a leader
// takes the cluster from one to the next. Arrange, one step, look at what was sent.

#include <gtest/gtest.h>

#include "actors/commit_rule.hpp"
#include "actors/configurations.hpp"
#include "actors/replicator.hpp"
#include "actors/vote_tally.hpp"
#include "messages/text.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/makers.hpp"
#include "tests/testing/stage.hpp"

namespace raftbus::testing {
namespace {

Member member(std::uint32_t n, bool voter = true) {
    const std::string id = std::to_string(n);
    return {NodeId(n), voter, "tcp://host" + id + ":7239", "tcp://host" + id + ":7238"};
}
const Configuration kThree = configuration_of({member(1), member(2), member(3)});
// From 1, 2, 3 to 1, 2, 3, 4, 5: a majority of five is three, which may be no majority of three.
Configuration growing() {
    Configuration joint = configuration_of({member(1), member(2), member(3), member(4), member(5)});
    joint.before = kThree.members;
    return joint;
}

// ---- the values

TEST(JointTally, NeedsBothHalves) {
    VoteTally tally(growing());
    for (const std::uint32_t n : {1, 4, 5}) tally.count(NodeId(n), true);
    EXPECT_FALSE(tally.won()) << "three of five, but one of three";
    tally.count(NodeId(2), true);
    EXPECT_TRUE(tally.won());
}

TEST(JointTally, IsLostWhenOneHalfIs) {
    VoteTally tally(growing());
    tally.count(NodeId(2), false);
    EXPECT_FALSE(tally.lost());
    tally.count(NodeId(3), false);
    EXPECT_TRUE(tally.lost()) << "two of five, but two of three";
}

TEST(JointTally, LearnersDoNotCount) {
    VoteTally tally(configuration_of({member(1), member(2, false), member(3, false)}));
    tally.count(NodeId(2), true);
    EXPECT_FALSE(tally.won());
    tally.count(NodeId(1), true);
    EXPECT_TRUE(tally.won());
}

TEST(CommitRule, AJointConfigurationTakesTheLesserHalf) {
    const auto match = [](NodeId node) { return node.value <= 2 ? 5 : 9; };
    EXPECT_EQ(reached_by_majorities(growing().halves(), match), 5);
    EXPECT_EQ(reached_by_majorities({growing().halves()[0]}, match), 9);
}

TEST(Configurations, TheLastOneIsInForceUntilItIsCut) {
    Configurations configurations({{}, kThree});
    configurations.append(LogIndex(4), growing());
    EXPECT_EQ(configurations.in_force().index, LogIndex(4));
    EXPECT_EQ(configurations.at(LogIndex(3)).configuration, kThree);
    EXPECT_EQ(configurations.from(LogIndex(3)).size(), 2u);
    EXPECT_EQ(configurations.from(LogIndex(4)).size(), 1u);
    configurations.cut_from(LogIndex(5));
    EXPECT_EQ(configurations.in_force().index, LogIndex(4));
    configurations.cut_from(LogIndex(4));
    EXPECT_EQ(configurations.in_force().configuration, kThree);
}

TEST(Configurations, BeginAtALaterOneWhenTheLogDoes) {
    Configurations configurations({{}, kThree});
    configurations.append(LogIndex(4), growing());
    configurations.append(LogIndex(6), completed(growing()));
    configurations.begin_at(LogIndex(5));
    EXPECT_EQ(configurations.at(LogIndex(1)).index, LogIndex(4)) << "the base";
    EXPECT_EQ(configurations.in_force().index, LogIndex(6));
}

// ---- the leader

class Members : public ::testing::Test {
protected:
    void begin(const RecoveredLog& log = {}, const std::vector<Member>& members = kThree.members) {
        options_.members = members;
        replicator_.emplace(context_, options_, log, LogIndex(0), WallTime(0));
        replicator_->start();
    }
    template <class M>
    void give(const M& message, Address sender) {
        ASSERT_TRUE(replicator_->receive(from(sender), message));
        replicator_->on_drained();
    }
    void enter(std::uint64_t term) {
        give(Fence{Term(term)}, election(1));
        give(TermSaved{Term(term)}, election(1));
    }
    // Leads, and has committed its no-op.
    void lead(std::uint64_t term = 1) {
        enter(term);
        give(Lead{Term(term)}, election(1));
        sync();
        acknowledge(2);
        context_.sent.clear();
    }
    void sync() {
        for (auto appends = context_.take<Append>(); !appends.empty();
             appends = context_.take<Append>())
            for (const Append& append : appends) give(Appended{append.request}, storage(1));
    }
    // The peer has everything, durably.
    void acknowledge(std::uint32_t n) {
        give(AppendEntriesReply{term(), Matched{last()}}, replicator(n));
    }
    void ask(const MemberChange& change) { give(ChangeMembers{next_change(), change}, gateway(2)); }
    ChangeNumber next_change() { return last_change_ = last_change_.next(); }
    void add(std::uint32_t n) { ask({ChangeKind::add, member(n)}); }
    void remove(std::uint32_t n) { ask({ChangeKind::remove, {NodeId(n)}}); }
    void tick() { context_.run(*replicator_, options_.heartbeat); }

    // The leader sends to that node.
    bool sent_to(std::uint32_t n) const {
        const Replicator& replicator = *replicator_;
        return replicator.leading()->peers().contains(NodeId(n));
    }
    std::string in_force() const {
        return to_text(replicator_->log().configurations().in_force().configuration);
    }
    LogIndex last() const { return replicator_->log().last().index; }
    LogIndex commit() const { return replicator_->log().commit(); }
    Term term() const { return replicator_->fence(); }
    // The one refusal that was sent.
    ChangeRefused refused() {
        const auto all = context_.take<ChangeRefused>();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? ChangeRefused{} : all.front();
    }
    bool changed() { return !context_.take<MembersChanged>().empty(); }

    FakeContext context_{replicator(1)};
    RaftOptions options_;
    std::optional<Replicator> replicator_;
    ChangeNumber last_change_;
};

TEST_F(Members, AVoterJoinsAsALearnerAndIsPromotedWhenItHasCaughtUp) {
    begin();
    lead();
    add(4);
    EXPECT_EQ(in_force(), "[n1, n2, n3] learners=[n4^]") << "in force as soon as it is appended";
    EXPECT_FALSE(changed());
    sync();
    acknowledge(2);
    EXPECT_TRUE(changed());
    EXPECT_EQ(in_force(), "[n1, n2, n3] learners=[n4^]") << "it holds nothing yet";
    acknowledge(4);
    EXPECT_EQ(in_force(), "[n1, n2, n3]>[n1, n2, n3, n4]");
    sync();
    acknowledge(2);
    EXPECT_EQ(in_force(), "[n1, n2, n3]>[n1, n2, n3, n4]") << "two of four are no majority";
    acknowledge(4);
    EXPECT_EQ(in_force(), "[n1, n2, n3, n4]");
}

TEST_F(Members, ALearnerCountsInNoMajority) {
    begin({}, {member(1), member(2), member(3), member(4, false)});
    enter(1);
    give(Lead{Term(1)}, election(1));
    sync();
    acknowledge(4);
    EXPECT_EQ(commit(), LogIndex(0));
    acknowledge(3);
    EXPECT_EQ(commit(), LogIndex(1));
}

TEST_F(Members, AJointConfigurationNeedsBothMajorities) {
    begin();
    lead();
    remove(3);
    EXPECT_EQ(in_force(), "[n1, n2, n3]>[n1, n2]");
    const LogIndex joint = last();
    sync();
    acknowledge(3);
    EXPECT_LT(commit(), joint) << "two of three, but one of two";
    acknowledge(2);
    EXPECT_EQ(in_force(), "[n1, n2]");
    EXPECT_FALSE(changed());
    sync();
    acknowledge(2);
    EXPECT_TRUE(changed());
}

// M2: Ongaro's bug in single-server changes; here the rule keeps one change uncommitted at most.
TEST_F(Members, NothingIsChangedBeforeTheTermHasCommitted) {
    begin();
    enter(1);
    give(Lead{Term(1)}, election(1));
    sync();
    add(4);
    EXPECT_EQ(refused().why, Refusal::busy);
    EXPECT_EQ(in_force(), "[n1, n2, n3]");
    acknowledge(2);
    add(4);
    EXPECT_EQ(in_force(), "[n1, n2, n3] learners=[n4^]");
}

TEST_F(Members, OneChangeAtATime) {
    begin();
    lead();
    add(4);
    add(5);
    EXPECT_EQ(refused().why, Refusal::busy);
    add(4);  // again: its gateway may have lost the answer
    EXPECT_TRUE(context_.take<ChangeRefused>().empty());
    sync();
    acknowledge(2);
    EXPECT_EQ(context_.take<MembersChanged>().size(), 2u);
}

TEST_F(Members, WhatIsSoAlreadySucceedsAtOnce) {
    begin();
    lead();
    const LogIndex before = last();
    add(2);
    EXPECT_TRUE(changed());
    EXPECT_EQ(last(), before);
}

TEST_F(Members, AMajorityOfThoseWhoAreLeftMustAnswer) {
    begin();
    lead();
    context_.pass(options_.election_timeout_min * 2 / 3);
    acknowledge(3);
    context_.pass(options_.election_timeout_min * 2 / 3);
    remove(3);  // 2 has been silent for longer than an election timeout
    const ChangeRefused refusal = refused();
    EXPECT_EQ(refusal.why, Refusal::unsupported);
    EXPECT_NE(refusal.message.find("n2 is silent"), std::string::npos) << refusal.message;
}

TEST_F(Members, ALearnerThatIsNotThereIsNotPromoted) {
    begin({}, {member(1), member(2), member(3), member(4, false)});
    lead();
    give(PeerLost{NodeId(4)}, bus(1));
    ask({ChangeKind::promote, {NodeId(4)}});
    const ChangeRefused refusal = refused();
    EXPECT_EQ(refusal.why, Refusal::busy) << "it may have just started";
    EXPECT_NE(refusal.message.find("n4 does not answer"), std::string::npos);
}

TEST_F(Members, PromoteAnswersWhenItVotes) {
    begin({}, {member(1), member(2), member(3), member(4, false)});
    lead();
    ask({ChangeKind::promote, {NodeId(4)}});
    EXPECT_EQ(in_force(), "[n1, n2, n3] learners=[n4^]");
    sync();
    acknowledge(2);
    acknowledge(4);
    EXPECT_FALSE(changed());
    for (int i = 0; i < 2; ++i) {
        sync();
        acknowledge(2);
        acknowledge(4);
    }
    EXPECT_EQ(in_force(), "[n1, n2, n3, n4]");
    EXPECT_TRUE(changed());
}

TEST_F(Members, ADemotedPeerIsFedFromWhateverItTurnsOutToHold) {
    begin();
    lead();
    acknowledge(3);
    const auto& peers = std::as_const(*replicator_).leading()->peers();
    EXPECT_EQ(peers.at(NodeId(3)).match(), last());
    ask({ChangeKind::demote, {NodeId(3)}});
    EXPECT_EQ(in_force(), "[n1, n2, n3]>[n1, n2] learners=[n3^]");
    EXPECT_GT(peers.at(NodeId(3)).match(), LogIndex(0)) << "it still votes in one half";
    sync();
    acknowledge(2);
    EXPECT_EQ(in_force(), "[n1, n2] learners=[n3^]");
    EXPECT_EQ(peers.at(NodeId(3)).match(), LogIndex(0)) << "its log may be gone";
    EXPECT_TRUE(peers.at(NodeId(3)).probing());
    sync();
    acknowledge(2);
    EXPECT_TRUE(changed()) << "answered as soon as it is committed";
    tick();
    EXPECT_EQ(in_force(), "[n1, n2] learners=[n3^]") << "not level, so far as is known";
    acknowledge(3);
    EXPECT_EQ(in_force(), "[n1, n2]>[n1, n2, n3]");
}

// M3
TEST_F(Members, ALeaderThatIsRemovedCommitsWithoutItselfHandsOverAndResigns) {
    begin();
    lead();
    remove(1);
    sync();
    acknowledge(2);
    EXPECT_LT(commit(), last()) << "one of the two who are left";
    acknowledge(3);
    EXPECT_EQ(in_force(), "[n2, n3]");
    sync();
    acknowledge(2);
    EXPECT_FALSE(changed()) << "the own disk does not count any more";
    acknowledge(3);
    EXPECT_TRUE(changed());
    EXPECT_EQ(context_.take<TimeoutNow>().size(), 1u);
    tick();
    EXPECT_EQ(context_.take<Resign>().size(), 1u);
}

TEST_F(Members, ElectionIsToldAtStartWhatTheLogSays) {
    RecoveredLog log;
    log.hard_state.term = Term(3);
    log.last = entry(1, 3);
    log.term_starts = {entry(1, 3)};
    const Configuration two = configuration_of({member(1), member(2)});
    log.configurations = {{LogIndex(1), SharedBytes::own(encode_configuration(two))}};
    begin(log);
    std::size_t told = 0;
    for (const Sent& sent : context_.sent)
        if (auto* news = std::get_if<Reconfigured>(&sent.message); news && sent.to == election(1)) {
            EXPECT_EQ(news->configuration, two);
            ++told;
        }
    EXPECT_EQ(told, 1u);
}

TEST_F(Members, ANewLeaderCompletesTheChangeThatItFinds) {
    RecoveredLog log;
    log.hard_state.term = Term(3);
    log.last = entry(1, 3);
    log.term_starts = {entry(1, 3)};
    Configuration joint = kThree;
    joint.members = {member(1), member(2)};
    joint.before = kThree.members;
    log.configurations = {{LogIndex(1), SharedBytes::own(encode_configuration(joint))}};
    begin(log);
    EXPECT_EQ(in_force(), "[n1, n2, n3]>[n1, n2]");
    lead(4);
    EXPECT_EQ(in_force(), "[n1, n2]");
}

// M4: a node that left is sent the configuration that says so, and its commit.
TEST_F(Members, APeerThatLeftIsToldSo) {
    begin();
    lead();
    remove(3);
    sync();
    acknowledge(2);
    sync();
    acknowledge(2);
    ASSERT_EQ(in_force(), "[n1, n2]");
    EXPECT_TRUE(sent_to(3));
    context_.sent.clear();
    acknowledge(3);
    Heartbeat told;
    for (const Sent& sent : context_.sent)
        if (auto* beat = std::get_if<Heartbeat>(&sent.message); beat && sent.to == replicator(3))
            told = *beat;
    EXPECT_EQ(told.commit, commit());
    tick();
    const auto round = context_.take<Heartbeat>().back().round;
    give(HeartbeatReply{term(), round, last(), last()}, replicator(3));
    EXPECT_FALSE(sent_to(3));
}

TEST_F(Members, APeerThatLeftAndIsSilentIsGivenUp) {
    begin();
    lead();
    remove(3);
    for (int i = 0; i < 200; ++i) {
        sync();
        acknowledge(2);
        tick();
    }
    EXPECT_FALSE(sent_to(3));
}

// ---- following

TEST_F(Members, AFollowerGoesBackWhenAConfigurationIsCutOff) {
    begin();
    enter(1);
    Batch config = batch(1, 1, 1, encode_configuration(growing()));
    config.header.kind = BatchKind::config;
    give(AppendEntries{Term(1), {}, {}, {config}}, replicator(2));
    EXPECT_EQ(in_force(), "[n1, n2, n3]>[n1, n2, n3, n4, n5]");
    const auto told = context_.take<Reconfigured>();
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back().peers.size(), 4u);
    enter(2);
    give(AppendEntries{Term(2), {}, {}, {batch(1, 1, 2)}}, replicator(3));
    EXPECT_EQ(in_force(), "[n1, n2, n3]");
    EXPECT_EQ(context_.take<Reconfigured>().back().peers.size(), 2u);
}

TEST_F(Members, WhatIsNoConfigurationIsDropped) {
    begin();
    enter(1);
    Batch config = batch(1, 1, 1, "garbage");
    config.header.kind = BatchKind::config;
    give(AppendEntries{Term(1), {}, {}, {config}}, replicator(2));
    EXPECT_EQ(last(), LogIndex(0));
}

TEST_F(Members, ARemovedNodeIsNotHeard) {
    begin();
    enter(1);
    Configuration without = configuration_of({member(1), member(2)});
    without.removed = {NodeId(3)};
    Batch config = batch(1, 1, 1, encode_configuration(without));
    config.header.kind = BatchKind::config;
    give(AppendEntries{Term(1), {}, LogIndex(1), {config}}, replicator(2));
    context_.sent.clear();
    give(NewerTerm{Term(9)}, replicator(3));
    give(AppendEntries{Term(9), {}, {}, {}}, replicator(3));
    EXPECT_TRUE(context_.take<TermSeen>().empty());
    EXPECT_EQ(context_.take<Reconfigured>().size(), 0u);
}

TEST_F(Members, ARemovalIsBelievedOnlyIfItIsNews) {
    begin();
    enter(1);
    Batch config = batch(1, 1, 1, encode_configuration(kThree));
    config.header.kind = BatchKind::config;
    give(AppendEntries{Term(1), {}, LogIndex(1), {config}}, replicator(2));
    give(RemovalTold{LogIndex(1), NodeId(3)}, bus(1));
    context_.sent.clear();
    give(Fence{Term(1)}, election(1));
    EXPECT_FALSE(std::get<Standing>(context_.take<Fenced>().at(0).outcome).removed);
    give(RemovalTold{LogIndex(2), NodeId(3)}, bus(1));
    give(Fence{Term(1)}, election(1));
    EXPECT_TRUE(std::get<Standing>(context_.take<Fenced>().at(0).outcome).removed);
    give(AskReport{1}, gateway(1));
    EXPECT_FALSE(context_.take<ReplicatorReport>().at(0).member);
}

}  // namespace
}  // namespace raftbus::testing
