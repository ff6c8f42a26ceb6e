// The time in the log: what a leader gives its entries, and when it writes one for the time alone.
#include <gtest/gtest.h>

#include "actors/replicator.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/makers.hpp"
#include "tests/testing/stage.hpp"

namespace raftbus::testing {
namespace {

constexpr WallTime kNewest{5'000'000};

// Its wall clock is wherever the test puts it.
class Clocks : public FakeContext {
public:
    using FakeContext::FakeContext;
    WallTime wall_time() const override { return wall; }
    WallTime wall{1};
};

// A replicator of one node alone, so that what is durable is committed.
class TimeInTheLog : public ::testing::Test {
protected:
    void begin(WallTime in_log, WallTime in_state) {
        options_ = stage_options(1);
        options_.versions = {1, 1};  // no entry that raises the version
        RecoveredLog log;
        log.newest_time = in_log;
        replicator_.emplace(context_, options_, log, LogIndex(0), in_state);
        replicator_->start();
        lead(1);
    }
    void lead(std::uint64_t term) {
        give(Fence{Term(term)}, election(1));
        give(TermSaved{Term(term)}, election(1));
        give(Lead{Term(term)}, election(1));
    }
    template <class M>
    void give(const M& message, Address sender) {
        ASSERT_TRUE(replicator_->receive(from(sender), message));
        replicator_->on_drained();
    }
    void propose() {
        std::string body;
        append_command(body, set("k", ""));
        give(Propose{replicator_->fence(), ProposalNumber(++proposals_), 1, crc32c(body),
                     SharedBytes::copy(body)},
             {NodeId(1), ActorName::gateway});
    }
    // Storage and state machine do what they are asked. Returns the new entries.
    std::vector<BatchHeader> settle() {
        std::vector<BatchHeader> added;
        for (const Append& append : context_.take<Append>()) {
            for (const Batch& batch : append.batches) added.push_back(batch.header);
            give(Appended{append.request}, storage(1));
        }
        for (const Apply& apply : context_.take<Apply>()) {
            const BatchHeader& last = apply.batches.back().header;
            clock_ = std::max(clock_, last.time);
            if (due_ && *due_ <= clock_) due_.reset();
            give(Applied{last.last(), clock_, due_}, {NodeId(1), ActorName::state_machine});
        }
        return added;
    }
    // The state waits for that time.
    void wait_for(WallTime due) {
        due_ = due;
        propose();
        settle();
    }
    // The entries of so much time, with storage and state machine at work.
    std::vector<BatchHeader> pass(Duration time) {
        std::vector<BatchHeader> added;
        for (Duration passed{}; passed < time; passed += 10ms) {
            context_.run(*replicator_, 10ms);
            for (const BatchHeader& header : settle()) added.push_back(header);
        }
        return added;
    }

    Clocks context_{replicator(1)};
    RaftOptions options_;
    std::optional<Replicator> replicator_;
    std::uint64_t proposals_ = 0;
    WallTime clock_;
    std::optional<WallTime> due_;
};

TEST_F(TimeInTheLog, BeginsWithTheWallClockInAnEmptyLog) {
    context_.wall = WallTime(77);
    begin({}, {});
    EXPECT_EQ(settle().at(0).time, WallTime(77));
}

TEST_F(TimeInTheLog, GoesOnFromTheNewestOfLogAndStateWhateverTheWallClockSays) {
    for (const auto& [in_log, in_state] :
         {std::pair(kNewest, WallTime(3)), std::pair(WallTime(3), kNewest)}) {
        context_.wall = WallTime(kNewest.value * 1'000);
        begin(in_log, in_state);
        EXPECT_EQ(settle().at(0).time, kNewest);
        context_.wall = WallTime(2);
        context_.pass(300us);
        propose();
        EXPECT_EQ(settle().at(0).time, WallTime(kNewest.value + 300));
    }
}

TEST_F(TimeInTheLog, StandsStillWhileNobodyLeads) {
    begin(kNewest, {});
    context_.pass(100us);
    propose();
    settle();
    give(Fence{Term(2)}, election(1));
    context_.pass(1h);
    lead(2);
    const auto added = settle();
    ASSERT_EQ(added.size(), 1U);
    EXPECT_EQ(added[0].time, WallTime(kNewest.value + 100));
}

TEST_F(TimeInTheLog, IsTakenOverFromTheLeaderThatIsFollowed) {
    options_ = stage_options(3);
    replicator_.emplace(context_, options_, RecoveredLog{}, LogIndex(0), WallTime());
    give(Fence{Term(1)}, election(1));
    give(TermSaved{Term(1)}, election(1));
    Batch theirs = batch(1, 1, 1);
    theirs.header.time = kNewest;
    give(AppendEntries{Term(1), entry(0, 0), {}, {theirs}}, replicator(2));
    context_.take<Append>();
    context_.wall = WallTime(9);
    lead(2);
    EXPECT_EQ(context_.take<Append>().at(0).batches.at(0).header.time, kNewest);
}

TEST_F(TimeInTheLog, DoesNotGoOnFromWhatWasCut) {
    options_ = stage_options(3);
    replicator_.emplace(context_, options_, RecoveredLog{}, LogIndex(0), WallTime());
    const auto timed = [](Batch batch, std::int64_t time) {
        batch.header.time = WallTime(time);
        return batch;
    };
    give(Fence{Term(1)}, election(1));
    give(TermSaved{Term(1)}, election(1));
    give(AppendEntries{Term(1), entry(0, 0), {}, {timed(batch(1, 1, 1), 100)}}, replicator(2));
    give(AppendEntries{Term(1), entry(1, 1), {}, {timed(batch(2, 1, 1), 9'000)}}, replicator(2));
    give(Fence{Term(2)}, election(1));
    give(TermSaved{Term(2)}, election(1));
    give(AppendEntries{Term(2), entry(1, 1), {}, {timed(batch(2, 1, 2), 200)}}, replicator(3));
    context_.take<Append>();
    lead(3);
    EXPECT_EQ(context_.take<Append>().at(0).batches.at(0).header.time, WallTime(200));
}

TEST_F(TimeInTheLog, ATickIsWrittenOnceSomethingIsDue) {
    begin(kNewest, {});
    settle();
    wait_for(WallTime(kNewest.value + 800'000));
    EXPECT_TRUE(pass(780ms).empty()) << "not before";
    const auto added = pass(100ms);
    ASSERT_EQ(added.size(), 1U);
    EXPECT_EQ(added[0].kind, BatchKind::tick);
    EXPECT_GE(added[0].time, WallTime(kNewest.value + 800'000));
    EXPECT_TRUE(pass(10s).empty()) << "an idle cluster writes nothing";
}

TEST_F(TimeInTheLog, NoTickIsWrittenWhenAnotherEntryBearsTheTime) {
    begin(kNewest, {});
    settle();
    wait_for(WallTime(kNewest.value + 60'000));
    context_.pass(60ms);
    propose();  // its time is what is waited for, though nothing of it is durable yet
    context_.run(*replicator_, 200ms);
    const auto added = settle();
    ASSERT_EQ(added.size(), 1U);
    EXPECT_EQ(added[0].kind, BatchKind::commands);
}

TEST_F(TimeInTheLog, ThereAreFewTicksHoweverMuchIsDue) {
    begin(kNewest, {});
    settle();
    std::size_t ticks = 0;
    wait_for(WallTime(kNewest.value + 10'000));
    for (int i = 0; i < 500; ++i) {
        if (!due_)
            due_ = WallTime(clock_.value + 1'000);  // after each tick the next is due at once
        ticks += pass(10ms).size();
        give(Applied{replicator_->log().last().index, clock_, due_},
             {NodeId(1), ActorName::state_machine});
    }
    EXPECT_GE(ticks, 8U);
    EXPECT_LE(ticks, 10U) << "in five seconds";
}

TEST_F(TimeInTheLog, AFollowerWritesNoTicks) {
    begin(kNewest, {});
    settle();
    wait_for(WallTime(kNewest.value + 100'000));
    give(Fence{Term(2)}, election(1));
    EXPECT_TRUE(pass(3s).empty());
}

}  // namespace
}  // namespace raftbus::testing
