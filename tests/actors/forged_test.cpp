// What broken or forging peers send never ends a node, and nothing of it reaches the log.

#include <gtest/gtest.h>

#include "actors/replicator.hpp"
#include "storage/command_body.hpp"
#include "storage/transaction.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/makers.hpp"
#include "tests/testing/stage.hpp"

namespace raftbus::testing {
namespace {

std::string two_commands() {
    std::string body;
    append_command(body, set("x", ""));
    append_command(body, set("y", ""));
    return body;
}

// A replicator alone, its fence raised and opened by the test.
class Forged : public ::testing::Test {
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

// Once in the log it would be applied by every node, at every start.
TEST_F(Forged, Leader_AProposalThatCannotBeReadIsRefused) {
    begin();
    lead(1);
    std::uint64_t number = 0;
    const auto refused = [&](std::string body, std::uint32_t count) {
        const std::uint32_t crc = crc32c(body);
        give(Propose{Term(1), ProposalNumber(++number), count, crc,
                     SharedBytes::own(std::move(body))},
             gateway(2));
        return !context_.take<ProposeRefused>().empty() && last() == entry(1, 1);
    };
    EXPECT_TRUE(refused("no command", 1));
    EXPECT_TRUE(refused("", 0));
    EXPECT_TRUE(refused("", 1));
    EXPECT_TRUE(refused(two_commands(), 1)) << "surplus bytes";
    EXPECT_TRUE(refused(two_commands(), 3));
    EXPECT_TRUE(refused(two_commands(), 0xffffffff));
    std::string body;
    Command transaction;
    transaction.kind = CommandKind::transaction;
    transaction.value = "no steps";
    append_command(body, transaction);
    EXPECT_TRUE(refused(body, 1));
    EXPECT_FALSE(refused(two_commands(), 2));
}

TEST_F(Forged, Leader_WhoElseLeadsItsTermIsNotBelieved) {
    begin();
    lead(1);
    give(AppendEntries{Term(1), entry(1, 1), LogIndex(1), {}}, replicator(2));
    give(Heartbeat{Term(1), LogIndex(1), Round(1)}, replicator(2));
    give(InstallSnapshot{.term = Term(1)}, replicator(2));
    EXPECT_TRUE(replicator_->leads());
    EXPECT_TRUE(context_.take<LeaderHeard>().empty());
    EXPECT_TRUE(context_.take<HeartbeatReply>().empty());
}

TEST_F(Forged, Leader_ACommitInsideABatchWaitsForTheRest) {
    begin();
    lead(1);
    const std::string body = two_commands();
    give(Propose{Term(1), ProposalNumber(1), 2, crc32c(body), SharedBytes::copy(body)}, gateway(1));
    sync();
    give(AppendEntriesReply{Term(1), Matched{LogIndex(2)}},
         replicator(2));  // 2 and 3 are one batch
    EXPECT_EQ(replicator_->log().commit(), LogIndex(2));
    give(AppendEntriesReply{Term(1), Matched{LogIndex(3)}}, replicator(2));
    EXPECT_EQ(replicator_->log().commit(), LogIndex(3));
}

// Whatever a leader says, what does not fit is dropped.
TEST_F(Forged, Follower_BatchesThatDoNotFitAreDropped) {
    begin();
    enter(1);
    Batch two = batch(1, 2, 1);
    give(AppendEntries{Term(1), {}, LogIndex(1), {two}}, replicator(2));
    EXPECT_EQ(last(), entry(2, 1));
    const auto offered = [&](EntryId previous, std::vector<Batch> batches) {
        give(AppendEntries{Term(1), previous, LogIndex(0), std::move(batches)}, replicator(2));
        return last() == entry(2, 1);
    };
    EXPECT_TRUE(offered({}, {batch(1, 4, 1), batch(5, 1, 1)})) << "a gap behind the log";
    EXPECT_TRUE(offered({}, {batch(1, 400, 1)})) << "longer than the one that is here";
    EXPECT_TRUE(offered(entry(1, 1), {batch(2, 1, 1), batch(3, 1, 0)})) << "an older term";
}

TEST_F(Forged, Follower_AForgedTermIsNotEntered) {
    begin();
    enter(1);
    give(Heartbeat{Term(~0ULL), LogIndex(0), Round(1)}, replicator(3));
    EXPECT_TRUE(context_.take<TermSeen>().empty());
}

TEST(CommandBody, WhatCannotBeReadIsNone) {
    const std::string body = two_commands() + "rubbish" + two_commands();
    CommandBody commands(body);
    EXPECT_TRUE(commands.next());
    EXPECT_TRUE(commands.next());
    EXPECT_FALSE(commands.next());
    EXPECT_FALSE(commands.next()) << "where the next one begins is not known";
}

TEST(CommandBody, ATransactionClaimsNoMoreStepsThanItHasBytes) {
    const std::string claims("\x95\x01\x01\xdd\xff\xff\xff\xff\x90\x90", 10);
    EXPECT_FALSE(read_transaction(claims).ok());
}

}  // namespace
}  // namespace raftbus::testing
