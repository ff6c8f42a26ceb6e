// Figure 2 of the Raft paper, line by line, and what §5 to §8 demand beside it: arrange, one step,
// look at what was sent. Each test names its line.

#include <gtest/gtest.h>

#include "actors/replicator.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/makers.hpp"
#include "tests/testing/stage.hpp"

namespace raftbus::testing {
namespace {

// A command that sets a key to `value`.
Propose proposal(Term term, ProposalNumber number, const std::string& value) {
    std::string body;
    append_command(body, set("k", value));
    const std::uint32_t crc = crc32c(body);
    return {term, number, 1, crc, SharedBytes::own(std::move(body))};
}

std::string two_commands() {
    std::string body;
    append_command(body, set("x", ""));
    append_command(body, set("y", ""));
    return body;
}

// A replicator alone, its fence raised and opened by the test.
class Figure2 : public ::testing::Test {
protected:
    void begin(RecoveredLog log = {}) {
        options_ = stage_options(3);
        replicator_.emplace(context_, options_, log, LogIndex(0), WallTime());
        replicator_->start();
    }
    // Election's part: fence, save, open.
    void enter(std::uint64_t term) {
        give(Fence{Term(term)}, election(1));
        give(TermSaved{Term(term)}, election(1));
        context_.sent.clear();
    }
    void lead(std::uint64_t term) {
        enter(term);
        give(Lead{Term(term)}, election(1));
    }
    template <class M>
    void give(const M& message, Address sender) {
        ASSERT_TRUE(replicator_->receive(from(sender), message));
        replicator_->on_drained();
    }
    // Storage's part: everything that was asked is done.
    void sync() {
        for (const Append& append : context_.take<Append>())
            give(Appended{append.request}, storage(1));
    }
    AppendEntries append(std::uint64_t term, EntryId previous, std::vector<Batch> batches,
                         std::uint64_t commit = 0) {
        return {Term(term), previous, LogIndex(commit), std::move(batches)};
    }
    template <class M>
    M only() {
        const auto all = context_.take<M>();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? M{} : all.front();
    }
    EntryId last() { return replicator_->log().last(); }

    FakeContext context_{replicator(1)};
    RaftOptions options_;
    std::optional<Replicator> replicator_;
};

// ---- AppendEntries RPC, receiver implementation

TEST_F(Figure2, Append1_AnOlderTermIsRefused) {
    begin();
    enter(5);
    give(append(4, entry(0, 0), {batch(1, 1, 4)}), replicator(2));
    EXPECT_EQ(only<NewerTerm>().term, Term(5));
    EXPECT_EQ(last(), entry(0, 0));
}

TEST_F(Figure2, Append2_AMissingPreviousEntryIsRefused) {
    begin();
    enter(1);
    give(append(1, entry(3, 1), {batch(4, 1, 1)}), replicator(2));
    const auto conflict = std::get<Conflict>(only<AppendEntriesReply>().outcome);
    EXPECT_EQ(conflict.rejected, LogIndex(3));
    EXPECT_EQ(conflict.hint, entry(0, 0));
}

TEST_F(Figure2, Append2_APreviousEntryOfAnotherTermIsRefused) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 3, 1)}), replicator(2));
    enter(3);
    give(append(3, entry(3, 2), {batch(4, 1, 3)}), replicator(3));
    EXPECT_EQ(std::get<Conflict>(only<AppendEntriesReply>().outcome).hint, entry(3, 1));
    EXPECT_EQ(last(), entry(3, 1)) << "a refusal cuts nothing";
}

TEST_F(Figure2, Append3_AConflictingEntryAndAllThatFollowAreCut) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 1, 1), batch(2, 2, 1), batch(4, 1, 1)}), replicator(2));
    enter(2);
    give(append(2, entry(1, 1), {batch(2, 1, 2)}), replicator(3));
    EXPECT_EQ(last(), entry(2, 2));
    const auto asked = context_.take<Append>();
    ASSERT_EQ(asked.size(), 2u);
    EXPECT_EQ(asked[0].cut_from, LogIndex(2));
    EXPECT_EQ(asked[1].batches.size(), 1u);
}

TEST_F(Figure2, Append3_WithoutAConflictNothingIsCut) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 1, 1), batch(2, 1, 1), batch(3, 1, 1)}), replicator(2));
    give(append(1, entry(0, 0), {batch(1, 1, 1)}), replicator(2));
    EXPECT_EQ(last(), entry(3, 1));
}

TEST_F(Figure2, Append4_NewEntriesAreAppendedAndAcknowledgedWhenDurable) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 2, 1), batch(3, 1, 1)}), replicator(2));
    EXPECT_TRUE(context_.take<AppendEntriesReply>().empty()) << "not durable yet";
    sync();
    EXPECT_EQ(std::get<Matched>(only<AppendEntriesReply>().outcome).index, LogIndex(3));
}

TEST_F(Figure2, Append5_CommitIsAtMostTheLastNewEntry) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 1, 1), batch(2, 1, 1), batch(3, 1, 1)}), replicator(2));
    enter(2);
    // Only 1 is known to be the new leader's: 2 and 3 may be about to go.
    give(append(2, entry(1, 1), {}, 3), replicator(3));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(1));
    give(Heartbeat{Term(2), LogIndex(3), Round(1)}, replicator(3));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(1)) << "R4";
}

TEST_F(Figure2, ARoundIsAnsweredOnceAndMayBearNewsOfTheCommit) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 1, 1), batch(2, 1, 1)}), replicator(2));
    sync();
    give(Heartbeat{Term(1), LogIndex(1), Round(5)}, replicator(2));
    EXPECT_EQ(only<HeartbeatReply>().round, Round(5));
    give(Heartbeat{Term(1), LogIndex(2), Round(5)}, replicator(2));
    EXPECT_TRUE(context_.take<HeartbeatReply>().empty());
    EXPECT_EQ(replicator_->log().commit(), LogIndex(2));
    give(Heartbeat{Term(1), LogIndex(2), Round(6)}, replicator(2));
    EXPECT_EQ(only<HeartbeatReply>().round, Round(6));
}

TEST_F(Figure2, Append_DamagedOrGappedEntriesAreDropped) {
    begin();
    enter(1);
    Batch damaged = batch(1, 1, 1);
    damaged.header.body_crc ^= 1;
    give(append(1, entry(0, 0), {damaged}), replicator(2));
    give(append(1, entry(0, 0), {batch(1, 1, 1), batch(3, 1, 1)}), replicator(2));
    give(append(1, entry(0, 0), {batch(1, 1, 2)}), replicator(2));
    EXPECT_EQ(last(), entry(0, 0));
    EXPECT_EQ(context_.logged.size(), 3u);
}

// Raft §6: this node's configuration may be older than the leader that it does not know.
TEST_F(Figure2, Append_ALeaderThatIsNotKnownIsFollowed) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 1, 1)}), replicator(7));
    EXPECT_EQ(last(), entry(1, 1));
}

// ---- rules for all servers

TEST_F(Figure2, All_CommittedEntriesAreAppliedInOrderOnceDurable) {
    begin();
    enter(1);
    give(append(1, entry(0, 0), {batch(1, 2, 1), batch(3, 1, 1)}, 3), replicator(2));
    EXPECT_TRUE(context_.take<Apply>().empty()) << "committed, but not durable here";
    sync();
    const auto apply = only<Apply>();
    ASSERT_EQ(apply.batches.size(), 2u);
    EXPECT_EQ(apply.batches[0].header.first, LogIndex(1));
}

TEST_F(Figure2, All_ANewerTermIsToldToElectionAndItsMessagesWait) {
    begin();
    enter(1);
    give(append(4, entry(0, 0), {batch(1, 1, 4)}), replicator(3));
    EXPECT_EQ(only<TermSeen>().term, Term(4));
    EXPECT_EQ(last(), entry(0, 0));
    give(Fence{Term(4)}, election(1));
    EXPECT_EQ(last(), entry(0, 0)) << "a fence alone opens nothing";
    give(TermSaved{Term(4)}, election(1));
    EXPECT_EQ(last(), entry(1, 4));
}

// ---- leaders

TEST_F(Figure2, Leader_HeartbeatsAndANoOpAtOnce) {
    begin();
    lead(2);
    EXPECT_EQ(context_.take<Heartbeat>().size(), 2u);
    const auto appends = context_.take<AppendEntries>();
    ASSERT_EQ(appends.size(), 2u);
    EXPECT_EQ(appends[0].batches.at(0).header.kind, BatchKind::no_op);
}

TEST_F(Figure2, Leader_ACommandIsAppendedAndSent) {
    begin();
    lead(1);
    for (std::uint32_t peer : {2, 3}) {
        context_.take<AppendEntries>();
        give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(peer));
    }
    give(Propose{Term(1), ProposalNumber(1), 2, crc32c(two_commands()),
                 SharedBytes::copy(two_commands())},
         gateway(3));
    EXPECT_EQ(last(), entry(3, 1)) << "two commands, two indexes";
    const auto appends = context_.take<AppendEntries>();
    ASSERT_EQ(appends.size(), 2u);
    EXPECT_EQ(appends[0].previous, entry(1, 1));
    EXPECT_EQ(appends[0].batches.at(0).header.origin, NodeId(3));
}

TEST_F(Figure2, Leader_ARefusalMovesBackAndASuccessOn) {
    RecoveredLog log{.hard_state = {Term(3), {}},
                     .last = entry(6, 3),
                     .term_starts = {entry(1, 1), entry(4, 3)}};
    begin(log);
    lead(4);
    context_.sent.clear();
    give(AppendEntriesReply{Term(4), Conflict{LogIndex(6), entry(5, 2)}}, replicator(2));
    // The newest own entry that is not after 5/2 is 3/1. What follows is not in memory, and not
    // read before the logs are known to meet there.
    const auto probe = only<AppendEntries>();
    EXPECT_EQ(probe.previous, entry(3, 1));
    EXPECT_TRUE(probe.batches.empty());
    EXPECT_TRUE(context_.take<ReadLog>().empty());
    give(AppendEntriesReply{Term(4), Matched{LogIndex(3)}}, replicator(2));
    EXPECT_EQ(only<ReadLog>().from, LogIndex(4));
}

TEST_F(Figure2, Leader_CommitNeedsAMajorityThatIsDurable) {
    begin();
    lead(1);
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(0)) << "the own log is not synced";
    sync();
    EXPECT_EQ(replicator_->log().commit(), LogIndex(1));
}

TEST_F(Figure2, Leader_AnOlderTermIsNotCommittedByCounting) {  // §5.4.2
    RecoveredLog log{.hard_state = {Term(2), {}},
                     .last = entry(2, 2),
                     .term_starts = {entry(1, 1), entry(2, 2)}};
    begin(log);
    lead(4);
    give(AppendEntriesReply{Term(4), Matched{LogIndex(2)}}, replicator(2));
    give(AppendEntriesReply{Term(4), Matched{LogIndex(2)}}, replicator(3));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(0)) << "2/2 is on all nodes, and not committed";
    give(AppendEntriesReply{Term(4), Matched{LogIndex(3)}}, replicator(2));
    sync();
    EXPECT_EQ(replicator_->log().commit(), LogIndex(3));
}

TEST_F(Figure2, Leader_AnAcknowledgementOfAnEarlierTermIsNotCounted) {
    begin();
    lead(1);
    sync();
    lead(2);
    sync();
    give(AppendEntriesReply{Term(1), Matched{LogIndex(2)}}, replicator(2));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(0));
}

TEST_F(Figure2, Leader_MoreThanThereIsIsNotBelieved) {
    begin();
    lead(1);
    sync();
    give(AppendEntriesReply{Term(1), Matched{LogIndex(99)}}, replicator(2));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(0));
}

TEST_F(Figure2, Leader_ProposalsOfAnotherTermAreRefused) {
    begin();
    lead(2);
    give(proposal(Term(1), ProposalNumber(7), "x"), gateway(2));
    const auto refused = only<ProposeRefused>();
    EXPECT_EQ(refused.proposal, ProposalNumber(7));
    EXPECT_EQ(refused.why, Refusal::not_leader);
}

TEST_F(Figure2, Leader_AProposalThatComesTwiceIsAppendedOnce) {
    begin();
    lead(1);
    const Propose propose = proposal(Term(1), ProposalNumber(7), "x");
    give(propose, gateway(2));
    give(propose, gateway(2));
    EXPECT_EQ(last(), entry(2, 1));
    EXPECT_TRUE(context_.take<ProposeRefused>().empty()) << "its outcome will tell";
    give(propose, gateway(3));
    EXPECT_EQ(last(), entry(3, 1)) << "another gateway's number 7";
}

TEST_F(Figure2, Leader_ACopyOfAProposalGetsTheSameAnswer) {
    begin();
    lead(1);
    const Propose early = proposal(Term(2), ProposalNumber(7), "x");
    const Propose taken = proposal(Term(1), ProposalNumber(8), "x");
    give(early, gateway(2));
    give(taken, gateway(2));
    EXPECT_EQ(only<ProposeRefused>().proposal, ProposalNumber(7));
    give(Fence{Term(2)}, election(1));
    give(TermSaved{Term(2)}, election(1));
    give(taken, gateway(2));
    EXPECT_TRUE(context_.take<ProposeRefused>().empty()) << "its first copy is in the log";
    give(Lead{Term(2)}, election(1));
    give(early, gateway(2));
    EXPECT_EQ(only<ProposeRefused>().proposal, ProposalNumber(7)) << "its gateway believed that";
    EXPECT_EQ(last(), entry(3, 2)) << "two no-ops and the one that was taken";
}

TEST_F(Figure2, Leader_WhatAnEarlierLifeMayHaveAppendedIsNotAnswered) {
    begin({.hard_state = {Term(4), NodeId(1)}});
    give(proposal(Term(4), ProposalNumber(7), "x"), gateway(2));
    EXPECT_TRUE(context_.take<ProposeRefused>().empty());
}

TEST_F(Figure2, Leader_AFenceEndsLeadershipInTheSameStep) {
    begin();
    lead(1);
    give(ReadIndex{ReadNumber(3)}, gateway(1));
    give(Fence{Term(2)}, election(1));
    EXPECT_FALSE(replicator_->leads());
    EXPECT_EQ(only<ReadRefused>().read, ReadNumber(3));
    give(Lead{Term(1)}, election(1));
    EXPECT_FALSE(replicator_->leads()) << "won too late";
}

TEST_F(Figure2, Leader_AMemoryFullOfUncommittedEntriesIsBusy) {  // R5, bug 31
    begin();
    options_.uncommitted_bytes_max = 100;
    lead(1);
    const std::string big(200, 'x');
    give(proposal(Term(1), ProposalNumber(1), big), gateway(1));
    give(proposal(Term(1), ProposalNumber(2), big), gateway(1));
    EXPECT_EQ(only<ProposeRefused>().why, Refusal::busy);
}

TEST_F(Figure2, Leader_ASlowPeerIsSentNoMoreThanItsCredit) {  // R5
    begin();
    options_.in_flight_bytes_max = 1000;
    lead(1);
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    const std::string body(400, 'x');
    for (std::uint64_t i = 1; i <= 20; ++i)
        give(proposal(Term(1), ProposalNumber(i), body), gateway(1));
    std::size_t to_peer = 0;
    for (const Sent& s : context_.sent)
        if (s.to == replicator(2) && std::holds_alternative<AppendEntries>(s.message)) ++to_peer;
    EXPECT_EQ(to_peer, 1u + 3u) << "the first, and what fits into the credit";
}

TEST_F(Figure2, Leader_AFullDiskRefusesAndGoesOnWhenThereIsRoom) {  // P5
    begin();
    lead(1);
    const auto append = only<Append>();
    give(AppendRefused{append.request}, storage(1));
    EXPECT_EQ(only<TakeSnapshot>().ask, 0u) << "what is flushed can be cut";
    give(proposal(Term(1), ProposalNumber(1), "x"), gateway(1));
    EXPECT_EQ(only<ProposeRefused>().why, Refusal::no_space);
    EXPECT_EQ(replicator_->log().durable(), LogIndex(0));
    context_.run(*replicator_, options_.heartbeat);
    give(proposal(Term(1), ProposalNumber(2), "x"), gateway(1));
    EXPECT_EQ(only<ProposeRefused>().why, Refusal::transferring) << "a peer may have room";
    sync();
    EXPECT_EQ(replicator_->log().durable(), LogIndex(1));
    EXPECT_FALSE(replicator_->log().out_of_space());
}

TEST_F(Figure2, Leader_WithoutRoomItAsksEverySecondForTheLogToBeCut) {  // P5
    begin();
    lead(1);
    const auto append = only<Append>();
    give(AppendRefused{append.request}, storage(1));
    EXPECT_EQ(context_.take<TakeSnapshot>().size(), 1u);
    context_.run(*replicator_, 900ms);
    EXPECT_TRUE(context_.take<TakeSnapshot>().empty());
    context_.run(*replicator_, 200ms);
    EXPECT_EQ(context_.take<TakeSnapshot>().size(), 1u) << "more is applied by now";
}

TEST_F(Figure2, Leader_OneWhoseDiskHangsHandsOver) {  // P6
    begin();
    options_.storage_stall = 100ms;
    options_.election_timeout_min = 10s;
    lead(1);
    for (std::uint32_t peer : {2, 3})
        give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(peer));
    context_.run(*replicator_, 90ms);
    EXPECT_TRUE(context_.take<TimeoutNow>().empty());
    context_.run(*replicator_, 60ms);
    EXPECT_EQ(only<TimeoutNow>().term, Term(1));
    give(Fence{Term(1)}, election(1));
    const auto fenced = context_.take<Fenced>().back();
    EXPECT_FALSE(std::get<Standing>(fenced.outcome).storage_answers) << "so it does not campaign";
}

TEST_F(Figure2, Leader_RepeatedAndReorderedAcknowledgementsCountOnce) {  // R3
    begin();
    lead(1);
    sync();
    give(proposal(Term(1), ProposalNumber(1), "x"), gateway(1));
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(1));
    give(AppendEntriesReply{Term(1), Matched{LogIndex(2)}}, replicator(2));
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(1)) << "the own copy of 2 is not synced";
    sync();
    EXPECT_EQ(replicator_->log().commit(), LogIndex(2));
}

TEST_F(Figure2, Read_ALateAnswerToAnEarlierRoundConfirmsNothing) {  // L3
    begin();
    lead(1);
    sync();
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    context_.sent.clear();
    give(ReadIndex{ReadNumber(1)}, gateway(1));
    const Round round = context_.take<Heartbeat>().at(0).round;
    give(HeartbeatReply{Term(1), Round(round.value - 1), LogIndex(1)}, replicator(2));
    EXPECT_TRUE(context_.take<ReadIndexReply>().empty());
    give(HeartbeatReply{Term(1), round, LogIndex(1)}, replicator(2));
    EXPECT_EQ(only<ReadIndexReply>().index, LogIndex(1));
}

TEST_F(Figure2, Read_OneRoundServesAllThatWait) {
    begin();
    lead(1);
    sync();
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    context_.sent.clear();
    for (std::uint64_t n = 1; n <= 5; ++n)
        replicator_->receive(from(gateway(1)), ReadIndex{ReadNumber(n)});
    replicator_->on_drained();
    const auto beats = context_.take<Heartbeat>();
    EXPECT_EQ(beats.size(), 2u) << "one to each peer";
    give(HeartbeatReply{Term(1), beats[0].round, LogIndex(1)}, replicator(3));
    EXPECT_EQ(context_.take<ReadIndexReply>().size(), 5u);
}

TEST_F(Figure2, Read_WithALeaseTheRoundIsSkippedWhileItHolds) {
    begin();
    options_.lease = 200ms;
    lead(1);
    sync();
    give(AppendEntriesReply{Term(1), Matched{LogIndex(1)}}, replicator(2));
    context_.run(*replicator_, options_.heartbeat);
    const Round round = context_.take<Heartbeat>().back().round;
    give(HeartbeatReply{Term(1), round, LogIndex(1)}, replicator(2));
    context_.sent.clear();
    give(ReadIndex{ReadNumber(1), ReadMode::lease}, gateway(1));
    EXPECT_EQ(only<ReadIndexReply>().index, LogIndex(1));
    context_.pass(250ms);
    give(ReadIndex{ReadNumber(2), ReadMode::lease}, gateway(1));
    EXPECT_TRUE(context_.take<ReadIndexReply>().empty()) << "it has run out: a round is needed";
}

}  // namespace
}  // namespace raftbus::testing
