// The values that the replicator and the election are made of.

#include <gtest/gtest.h>

#include "actors/byte_window.hpp"
#include "actors/commit_rule.hpp"
#include "actors/durable_mark.hpp"
#include "actors/log_tail.hpp"
#include "actors/peer_progress.hpp"
#include "actors/preference.hpp"
#include "actors/read_confirm.hpp"
#include "actors/vote_tally.hpp"
#include "tests/testing/makers.hpp"

namespace raftbus::testing {
namespace {

using namespace std::chrono_literals;

const Moment kNow{std::chrono::seconds(1)};

// ---- vote_tally

VoteTally tally_of(std::uint32_t voters) {
    std::vector<Member> members;
    for (std::uint32_t n = 1; n <= voters; ++n) members.push_back({NodeId(n)});
    return VoteTally(configuration_of(members));
}

TEST(VoteTally, AMajorityWins) {
    VoteTally tally = tally_of(4);
    tally.count(NodeId(1), true);
    tally.count(NodeId(2), true);
    EXPECT_FALSE(tally.won()) << "two of four";
    tally.count(NodeId(3), true);
    EXPECT_TRUE(tally.won());
}

TEST(VoteTally, LostWhenTheRestIsNotEnough) {
    VoteTally tally = tally_of(3);
    tally.count(NodeId(2), false);
    EXPECT_FALSE(tally.lost());
    tally.count(NodeId(3), false);
    EXPECT_TRUE(tally.lost());
}

TEST(VoteTally, AVoterCountsOnceAndAStrangerNever) {
    VoteTally tally = tally_of(3);
    tally.count(NodeId(1), true);
    tally.count(NodeId(1), true);
    tally.count(NodeId(9), true);
    EXPECT_FALSE(tally.won());
    tally.count(NodeId(2), false);
    tally.count(NodeId(2), true);
    EXPECT_FALSE(tally.won()) << "a voter does not change its mind";
}

// ---- commit_rule

TEST(CommitRule, WhatMoreThanHalfReach) {
    EXPECT_EQ(reached_by_majority<int>({7}), 7);
    EXPECT_EQ(reached_by_majority<int>({7, 3}), 3);
    EXPECT_EQ(reached_by_majority<int>({9, 1, 5}), 5);
    EXPECT_EQ(reached_by_majority<int>({4, 4, 9, 9}), 4);
    EXPECT_EQ(reached_by_majority<int>({1, 2, 3, 4, 5}), 3);
}

// ---- log_tail

LogTail recovered_tail() {
    // 1..3 in term 1, 4..6 in term 3, 7 in term 4; all on disk
    return LogTail(RecoveredLog{.hard_state = {},
                                .before_first = {},
                                .last = entry(7, 4),
                                .term_starts = {entry(1, 1), entry(4, 3), entry(7, 4)}});
}

TEST(LogTail, KnowsTheTermOfEveryEntry) {
    const LogTail tail = recovered_tail();
    const std::uint64_t terms[] = {0, 1, 1, 1, 3, 3, 3, 4};
    for (std::uint64_t i = 0; i <= 7; ++i) EXPECT_EQ(tail.term_at(LogIndex(i)), Term(terms[i]));
    EXPECT_FALSE(tail.term_at(LogIndex(8)));
}

TEST(LogTail, BelowACutOffLogNothingIsKnown) {
    const LogTail tail(RecoveredLog{
        .before_first = entry(10, 2), .last = entry(12, 3), .term_starts = {entry(11, 3)}});
    EXPECT_EQ(tail.first(), LogIndex(11));
    EXPECT_EQ(tail.term_at(LogIndex(10)), Term(2));
    EXPECT_FALSE(tail.term_at(LogIndex(9)));
}

TEST(LogTail, HandsOutWholeBatchesFromTheOneThatHoldsAnIndex) {
    LogTail tail(RecoveredLog{});
    tail.append(batch(1, 3, 1, "abc"));
    tail.append(batch(4, 2, 1, "de"));
    tail.append(batch(6, 1, 2, "f"));
    const auto found = tail.batches_from(LogIndex(2), 1'000'000);
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].header.first, LogIndex(1));
    EXPECT_EQ(tail.batches_from(LogIndex(5), 1).size(), 1u) << "at least one, whatever the limit";
    EXPECT_TRUE(tail.batches_from(LogIndex(7), 1'000'000).empty());
    EXPECT_TRUE(recovered_tail().batches_from(LogIndex(7), 1'000'000).empty()) << "not in memory";
}

TEST(LogTail, ACutForgetsTermsToo) {
    LogTail tail = recovered_tail();
    tail.append(batch(8, 2, 5));
    tail.cut_from(LogIndex(4));
    EXPECT_EQ(tail.last(), entry(3, 1));
    EXPECT_FALSE(tail.term_at(LogIndex(4)));
    tail.append(batch(4, 1, 6));
    EXPECT_EQ(tail.term_at(LogIndex(4)), Term(6));
    EXPECT_EQ(tail.batches_from(LogIndex(4), 100).size(), 1u);
}

TEST(LogTail, ACutInsideABatchIsABug) {
    LogTail tail(RecoveredLog{});
    tail.append(batch(1, 3, 1));
    EXPECT_THROW(tail.cut_from(LogIndex(2)), CheckFailed);
}

TEST(LogTail, EvictionKeepsWhatIsNeeded) {
    LogTail tail(RecoveredLog{});
    for (std::uint64_t i = 1; i <= 10; ++i) tail.append(batch(i, 1, 1));
    tail.evict(0, LogIndex(4));
    EXPECT_EQ(tail.first_held(), LogIndex(5));
    EXPECT_EQ(tail.batches_from(LogIndex(5), 1'000'000).size(), 6u);
    EXPECT_EQ(tail.term_at(LogIndex(2)), Term(1)) << "terms are kept";
}

TEST(LogTail, TheHintSkipsATermAtATime) {
    const LogTail tail = recovered_tail();
    EXPECT_EQ(tail.newest_not_after(entry(9, 9)), entry(7, 4));
    EXPECT_EQ(tail.newest_not_after(entry(6, 2)), entry(3, 1));
    EXPECT_EQ(tail.newest_not_after(entry(5, 3)), entry(5, 3));
    EXPECT_EQ(tail.newest_not_after(entry(7, 0)), entry(0, 0));
}

// Else a leader whose log begins inside a follower's divergent tail repeats one conflict for ever.
TEST(LogTail, TheHintGoesBelowALogThatBeginsInALaterTerm) {
    LogTail tail(RecoveredLog{});
    tail.restart_after(entry(50, 4));
    tail.append(batch(51, 1, 4));
    EXPECT_EQ(tail.newest_not_after(entry(60, 3)), entry(49, 3));
    EXPECT_EQ(tail.newest_not_after(entry(50, 3)), entry(49, 3));
    EXPECT_EQ(tail.newest_not_after(entry(60, 4)), entry(51, 4));
    EXPECT_EQ(tail.newest_not_after(entry(50, 4)), entry(50, 4));
    tail.restart_after(entry(50, 0));
    EXPECT_EQ(tail.newest_not_after(entry(60, 3)), entry(50, 0)) << "its term is not known";
}

// ---- durable_mark

TEST(DurableMark, DurableIsWhatIsAcknowledgedAndNotTouchedSince) {
    DurableMark mark;
    mark.asked(StorageRequest(1), LogIndex(1), kNow);  // 1..3
    mark.asked(StorageRequest(2), LogIndex(4), kNow);  // 4..5
    EXPECT_EQ(mark.durable(LogIndex(5)), LogIndex(0));
    mark.acknowledged(StorageRequest(1));
    EXPECT_EQ(mark.durable(LogIndex(5)), LogIndex(3));
    mark.acknowledged(StorageRequest(2));
    EXPECT_EQ(mark.durable(LogIndex(5)), LogIndex(5));
}

TEST(DurableMark, AnEarlierWriteSaysNothingOfASuffixThatWasReplaced) {
    DurableMark mark;
    mark.asked(StorageRequest(1), LogIndex(2), kNow);  // 2/1
    mark.asked(StorageRequest(2), LogIndex(2), kNow);  // cut
    mark.asked(StorageRequest(3), LogIndex(2), kNow);  // 2/1 once more
    mark.acknowledged(StorageRequest(1));
    EXPECT_EQ(mark.durable(LogIndex(2)), LogIndex(1));
    mark.acknowledged(StorageRequest(2));
    EXPECT_EQ(mark.durable(LogIndex(2)), LogIndex(1));
    mark.acknowledged(StorageRequest(3));
    EXPECT_EQ(mark.durable(LogIndex(2)), LogIndex(2));
}

TEST(DurableMark, ARefusedWriteHasToBeDoneAgainUnlessItWasReplaced) {
    DurableMark mark;
    mark.asked(StorageRequest(1), LogIndex(5), kNow);
    mark.asked(StorageRequest(2), LogIndex(7), kNow);
    mark.asked(StorageRequest(3), LogIndex(4), kNow);
    EXPECT_EQ(mark.refused(StorageRequest(1)), std::nullopt) << "request 3 writes from 4 on";
    EXPECT_EQ(mark.refused(StorageRequest(2)), std::nullopt);
    EXPECT_EQ(mark.refused(StorageRequest(3)), LogIndex(4));
    EXPECT_TRUE(mark.idle());
}

TEST(DurableMark, TellsSinceWhenStorageOwesAnAnswer) {
    DurableMark mark;
    EXPECT_FALSE(mark.waiting_since());
    mark.asked(StorageRequest(1), LogIndex(1), kNow);
    mark.asked(StorageRequest(2), LogIndex(2), kNow + Duration(5'000));
    EXPECT_EQ(mark.waiting_since(), kNow);
    mark.acknowledged(StorageRequest(1));
    EXPECT_EQ(mark.waiting_since(), kNow + Duration(5'000));
    EXPECT_THROW(mark.acknowledged(StorageRequest(3)), CheckFailed) << "out of order";
}

// ---- byte_window

TEST(ByteWindow, CountsWhatLiesBetween) {
    ByteWindow window;
    window.add(LogIndex(3), 30);
    window.add(LogIndex(5), 20);
    window.add(LogIndex(9), 40);
    window.release_to(LogIndex(4));
    EXPECT_EQ(window.bytes(), 60u);
    window.cut_from(LogIndex(9));
    EXPECT_EQ(window.bytes(), 20u);
}

// ---- peer_progress

TEST(PeerProgress, OneProbeAtATimeThenAsManyAsTheCreditAllows) {
    PeerProgress peer(LogIndex(10), kNow);
    EXPECT_TRUE(peer.may_send(100));
    peer.sent(LogIndex(9), LogIndex(12), 50);
    EXPECT_FALSE(peer.may_send(100)) << "the probe is out";
    peer.matched(LogIndex(9));
    EXPECT_EQ(peer.next(), LogIndex(13)) << "what the probe carried need not be sent again";
    EXPECT_EQ(peer.in_flight_bytes(), 50u);
    EXPECT_TRUE(peer.may_send(100));
    peer.sent(LogIndex(12), LogIndex(15), 60);
    EXPECT_FALSE(peer.may_send(100)) << "out of credit";
    peer.matched(LogIndex(12));
    EXPECT_TRUE(peer.may_send(100));
}

TEST(PeerProgress, ARefusalOfAnOldProbeIsIgnored) {
    PeerProgress peer(LogIndex(10), kNow);
    peer.sent(LogIndex(9), LogIndex(9), 0);
    EXPECT_FALSE(peer.conflicted(LogIndex(7), LogIndex(3)));
    EXPECT_TRUE(peer.conflicted(LogIndex(9), LogIndex(4)));
    EXPECT_EQ(peer.next(), LogIndex(5));
}

TEST(PeerProgress, NothingBelowTheMatchIsEverRefused) {
    PeerProgress peer(LogIndex(10), kNow);
    peer.sent(LogIndex(9), LogIndex(9), 0);
    peer.matched(LogIndex(9));
    EXPECT_FALSE(peer.conflicted(LogIndex(9), LogIndex(2)));
    EXPECT_EQ(peer.match(), LogIndex(9));
}

TEST(PeerProgress, TheMatchNeverFalls) {
    PeerProgress peer(LogIndex(1), kNow);
    peer.sent(LogIndex(0), LogIndex(8), 10);
    peer.matched(LogIndex(8));
    peer.matched(LogIndex(3));
    EXPECT_EQ(peer.match(), LogIndex(8));
}

TEST(PeerProgress, AfterALossItGoesOnFromTheMatch) {
    PeerProgress peer(LogIndex(1), kNow);
    peer.sent(LogIndex(0), LogIndex(3), 10);
    peer.matched(LogIndex(3));
    peer.sent(LogIndex(3), LogIndex(9), 10);
    peer.asked(Round(1));
    EXPECT_TRUE(peer.answered(Round(1), LogIndex(3))) << "4..9 were sent before the round";
    peer.probe_from_match();
    EXPECT_EQ(peer.next(), LogIndex(4));
    EXPECT_EQ(peer.in_flight_bytes(), 0u);
}

TEST(PeerProgress, ASlowPeerIsNotALostMessage) {
    PeerProgress peer(LogIndex(1), kNow);
    peer.sent(LogIndex(0), LogIndex(3), 10);
    peer.matched(LogIndex(3));
    peer.asked(Round(1));
    peer.sent(LogIndex(3), LogIndex(9), 10);
    EXPECT_FALSE(peer.answered(Round(1), LogIndex(3))) << "4..9 went out after the round";
}

// ---- read_confirm

WaitingRead waiting(std::uint64_t number) {
    return {from({NodeId(1), ActorName::gateway}), ReadNumber(number), kNow, LogIndex(0)};
}

TEST(ReadConfirm, ARoundConfirmsWhatHadArrivedBeforeIt) {
    ReadConfirm reads;
    reads.add(waiting(1));
    reads.round_started(Round(5), LogIndex(10));
    reads.add(waiting(2));
    EXPECT_TRUE(reads.wants_round());
    EXPECT_TRUE(reads.confirmed(Round(4)).empty());
    const auto done = reads.confirmed(Round(5));
    ASSERT_EQ(done.size(), 1u);
    EXPECT_EQ(done[0].read, ReadNumber(1));
    EXPECT_EQ(done[0].index, LogIndex(10));
    reads.round_started(Round(6), LogIndex(12));
    EXPECT_EQ(reads.confirmed(Round(6)).at(0).index, LogIndex(12));
}

TEST(ReadConfirm, AbandonedReadsAreAllHandedBack) {
    ReadConfirm reads;
    reads.add(waiting(1));
    reads.round_started(Round(1), LogIndex(1));
    reads.add(waiting(2));
    EXPECT_EQ(reads.abandon().size(), 2u);
    EXPECT_FALSE(reads.wants_round());
    EXPECT_TRUE(reads.confirmed(Round(9)).empty());
}

// ---- Preference

TEST(PreferenceTest, WaitsUntilTheSameNodeHasBeenWellForLongEnough) {
    Preference preference(1, 1s);
    const std::vector<Preference::Candidate> both{{NodeId(2), 3, true}, {NodeId(3), 2, true}};
    const std::vector<Preference::Candidate> one{{NodeId(2), 3, false}, {NodeId(3), 2, true}};
    Moment now{1s};
    EXPECT_EQ(preference.successor(both, now), std::nullopt);
    EXPECT_EQ(preference.successor(one, now += 900ms), std::nullopt) << "now node 3 is the best";
    EXPECT_EQ(preference.successor(one, now += 900ms), std::nullopt);
    EXPECT_EQ(preference.successor(both, now += 50ms), std::nullopt);
    EXPECT_EQ(preference.successor(both, now += 999ms), std::nullopt);
    EXPECT_EQ(preference.successor(both, now += 1ms), NodeId(2));
    EXPECT_EQ(preference.successor(both, now += 999ms), std::nullopt) << "not again at once";
    EXPECT_EQ(preference.successor(both, now += 1ms), NodeId(2));
}

TEST(PreferenceTest, AnEqualOneIsNotPreferred) {
    Preference preference(3, 0s);
    EXPECT_EQ(preference.successor({{NodeId(2), 3, true}, {NodeId(3), 2, true}}, Moment(1s)),
              std::nullopt);
    EXPECT_EQ(preference.successor({{NodeId(2), 4, true}}, Moment(2s)), NodeId(2));
}

}  // namespace
}  // namespace raftbus::testing
