// How a snapshot travels: the leader's sender, the intake, the state machine that serves both.
#include <gtest/gtest.h>

#include "actors/log_tail.hpp"
#include "actors/snapshot_intake.hpp"
#include "actors/snapshot_sender.hpp"
#include "actors/state_machine.hpp"
#include "messages/crc32c.hpp"
#include "sim/sim_base.hpp"
#include "storage/kv_layers.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/makers.hpp"

namespace raftbus::testing {
namespace {

constexpr NodeId kSelf{1}, kPeer{2};
constexpr Term kTerm{7};

// ---- the sender

class SenderTest : public ::testing::Test {
protected:
    SenderTest() {
        options.snapshot_piece_bytes = 100;
        options.snapshot_in_flight_max = 2;
        sender.begin(kPeer, LogIndex(10));
        context.pass(50ms);
    }
    // Answers what the sender asks of its state machine, from a snapshot of `size` bytes. Returns
    // the offsets of the pieces that go out.
    std::vector<std::uint64_t> pieces() {
        std::vector<std::uint64_t> offsets;
        for (;;) {
            sender.drained();
            const auto asked = context.take<ReadSnapshot>();
            for (const ReadSnapshot& ask : asked) {
                const std::uint64_t offset = ask.id == name.id ? ask.offset : 0;
                const std::string bytes(std::min(ask.bytes_max, name.size - offset), 'x');
                sender.on(
                    SnapshotRead{ask.peer, name, offset, crc32c(bytes), SharedBytes::copy(bytes)});
            }
            for (const auto& piece : context.take<InstallSnapshot>()) {
                EXPECT_EQ(piece.term, kTerm);
                offsets.push_back(piece.offset);
            }
            if (asked.empty()) return offsets;
        }
    }
    std::optional<EntryId> reply(std::uint64_t received, bool installed = false) {
        return sender.on(InstallSnapshotReply{kTerm, name, received, installed}, kPeer);
    }

    FakeContext context{{kSelf, ActorName::replicator}};
    RaftOptions options;
    SnapshotName name{entry(12, 5), 99, 450};
    SnapshotSender sender{context, options, kTerm};
    using Offsets = std::vector<std::uint64_t>;
};

TEST_F(SenderTest, AFewPiecesAreOnTheWayAtATime) {
    EXPECT_EQ(pieces(), (Offsets{0, 100}));
    reply(100);
    EXPECT_EQ(pieces(), (Offsets{200}));
    reply(200);
    reply(300);
    EXPECT_EQ(pieces(), (Offsets{300, 400}));
    reply(400);
    EXPECT_EQ(pieces(), Offsets{}) << "all is sent: it is installed now";
    EXPECT_TRUE(sender.sending_to(kPeer));
    EXPECT_EQ(reply(450, true), entry(12, 5));
    EXPECT_FALSE(sender.sending_to(kPeer));
}

TEST_F(SenderTest, GoesOnWhereItStoppedWhenTheConnectionComesBack) {
    pieces();
    reply(100);
    reply(200);
    pieces();
    sender.connection_changed(kPeer, false);
    EXPECT_EQ(pieces(), Offsets{});
    sender.connection_changed(kPeer, true);
    EXPECT_EQ(pieces(), (Offsets{200, 300}));
}

TEST_F(SenderTest, WhatIsNotAnsweredIsSentAgain) {
    pieces();
    context.pass(options.election_timeout_min);
    sender.tick();
    EXPECT_EQ(pieces(), (Offsets{0, 100}));
}

TEST_F(SenderTest, APeerThatLostItAllGetsItFromTheBeginning) {
    pieces();
    reply(100);
    reply(200);
    pieces();
    reply(0);
    EXPECT_EQ(pieces(), (Offsets{0, 100}));
}

TEST_F(SenderTest, ARepairLeavesTheEntriesTheirWay) {
    SnapshotSender other{context, options, kTerm};
    other.begin_repair(kPeer, LogIndex(10));
    EXPECT_FALSE(other.sending_to(kPeer)) << "entries go on";
    context.pass(50ms);
    other.drained();
    const auto asked = context.take<ReadSnapshot>();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].at_least, LogIndex(10));
    const std::string bytes(name.size, 'x');
    other.on(SnapshotRead{kPeer, name, 0, crc32c(bytes), SharedBytes::copy(bytes)});
    EXPECT_EQ(other.on(InstallSnapshotReply{kTerm, name, name.size, true}, kPeer), std::nullopt)
        << "its log is as it was";
    other.begin(kPeer, LogIndex(10));
    EXPECT_TRUE(other.sending_to(kPeer));
}

TEST_F(SenderTest, AnswersAboutAnotherSnapshotAreNothing) {
    pieces();
    const SnapshotName other{entry(12, 5), 98, 450};
    EXPECT_EQ(sender.on(InstallSnapshotReply{kTerm, other, 450, true}, kPeer), std::nullopt);
    EXPECT_TRUE(sender.sending_to(kPeer));
}

TEST_F(SenderTest, ANewSnapshotIsSentFromItsBeginning) {
    pieces();
    reply(100);
    name.id = 100;  // the state machine dropped the old one
    EXPECT_EQ(pieces(), (Offsets{0, 100}));
}

TEST_F(SenderTest, NoMoreThanTheRate) {
    options.snapshot_in_flight_max = 10'000;
    options.snapshot_bytes_per_second = 2'000;
    name.size = 1'000'000;
    for (const Duration step : {Duration(50ms), Duration(1ms)}) {
        std::size_t sent = 0;
        for (Duration passed{0}; passed < 10s; passed += step) {
            sent += pieces().size() * 100;
            context.pass(step);
        }
        EXPECT_LE(sent, 22'000U) << "ten seconds";
        EXPECT_GE(sent, 15'000U);
    }
}

TEST_F(SenderTest, HoldsTheLogForAPeerThatComesAlong) {
    EXPECT_EQ(sender.holds_log_at(), std::nullopt) << "not known yet";
    pieces();
    EXPECT_EQ(sender.holds_log_at(), LogIndex(12));
    context.pass(60s);
    EXPECT_EQ(sender.holds_log_at(), std::nullopt) << "not for ever";
    reply(100);
    EXPECT_EQ(sender.holds_log_at(), LogIndex(12));
}

// ---- the intake

class IntakeTest : public ::testing::Test {
protected:
    std::uint64_t take(std::uint64_t offset, const std::string& bytes) {
        return intake.take({name, offset, crc32c(bytes), SharedBytes::copy(bytes)});
    }
    FakeContext context{{kSelf, ActorName::state_machine}};
    sim::SimBase base;
    SnapshotIntake intake{context, [this] { return base.receive(); }};
    SnapshotName name{entry(12, 5), 99, 10};
};

TEST_F(IntakeTest, TakesPiecesInOrderAndWithoutGaps) {
    EXPECT_EQ(take(4, "efg"), 0U) << "not begun";
    EXPECT_EQ(take(0, "abcd"), 4U);
    EXPECT_EQ(take(7, "hij"), 4U);
    EXPECT_EQ(take(0, "abcd"), 4U);
    EXPECT_EQ(intake.hand_over(name), nullptr);
    EXPECT_EQ(take(4, "efg"), 7U);
    EXPECT_EQ(take(7, "hijk"), 7U) << "more than there is";
    EXPECT_EQ(take(7, "hij"), 10U);
    EXPECT_NE(intake.hand_over(name), nullptr);
    EXPECT_EQ(intake.hand_over(name), nullptr) << "once";
}

TEST_F(IntakeTest, DropsADamagedPiece) {
    EXPECT_EQ(take(0, "abcd"), 4U);
    EXPECT_EQ(intake.take({name, 4, crc32c("efg"), SharedBytes::copy("eFg")}), 4U);
    EXPECT_EQ(take(4, "efg"), 7U);
}

TEST_F(IntakeTest, AnotherSnapshotTakesThePlaceOfOneThatIsNotWhole) {
    EXPECT_EQ(take(0, "abcd"), 4U);
    name.id = 100;
    EXPECT_EQ(take(4, "efg"), 0U);
    EXPECT_EQ(take(0, "xy"), 2U);
    name.id = 99;
    EXPECT_EQ(take(4, "efg"), 0U) << "the old one is gone";
}

// ---- the state machine

class ServingTest : public ::testing::Test {
protected:
    void give(const AnyMessage& message) {
        ASSERT_TRUE(actor.receive(from({kSelf, ActorName::replicator}), message));
        actor.on_drained();
    }
    void apply(std::uint64_t index) {
        give(Apply{{batch_of(LogIndex(index), Term(1), {set("k", std::to_string(index))})}});
    }
    // Another node's state, of `last` entries, is to take this one's place.
    SnapshotName begin_install(std::uint64_t last) {
        KvLayers from(std::make_shared<sim::SimBase>(), {});
        for (std::uint64_t i = 1; i <= last; ++i)
            from.apply(batch_of(LogIndex(i), Term(1), {set("k", std::to_string(i))}), nullptr);
        from.begin_flush()();
        from.end_flush();
        const auto snapshot = from.begin_snapshot()();
        const std::string bytes = snapshot->read(0, snapshot->size());
        const SnapshotName name{snapshot->last(), 3, snapshot->size()};
        give(WriteSnapshot{name, 0, crc32c(bytes), SharedBytes::copy(bytes)});
        EXPECT_EQ(context.take<SnapshotWritten>(),
                  (std::vector<SnapshotWritten>{{name, name.size}}));
        give(InstallState{name});
        return name;
    }
    void install(std::uint64_t last) {
        begin_install(last);
        context.finish_job(actor);
    }

    // And gives back what it has left.
    void finish_flush() {
        context.finish_job(actor);
        context.finish_job(actor);
    }

    FakeContext context{{kSelf, ActorName::state_machine}};
    bool room = true;  // on the disk
    KvLayers state{std::make_shared<sim::SimBase>([this] { return room; }), {}};
    StateMachine actor{context, state};
};

TEST_F(ServingTest, ASnapshotThatIsAskedForFlushesWhatIsApplied) {
    apply(1);
    give(TakeSnapshot{5});
    EXPECT_TRUE(context.take<Flushed>().empty());
    apply(2);
    give(TakeSnapshot{6});
    finish_flush();
    EXPECT_EQ(context.take<Flushed>(), (std::vector<Flushed>{{LogIndex(1), 5}}));
    finish_flush();
    EXPECT_EQ(context.take<Flushed>(), (std::vector<Flushed>{{LogIndex(2), 6}}));
    give(TakeSnapshot{7});
    EXPECT_EQ(context.take<Flushed>(), (std::vector<Flushed>{{LogIndex(2), 7}})) << "at once";
}

TEST_F(ServingTest, AFlushThatFindsNoRoomIsTriedUntilThereIsSome) {
    room = false;
    apply(1);
    give(TakeSnapshot{5});
    context.finish_job(actor);
    const std::size_t said = context.logged.size();
    EXPECT_EQ(said, 1U);
    EXPECT_TRUE(context.jobs.empty()) << "not at once";
    context.run(actor, 500ms);
    actor.on_drained();
    context.finish_job(actor);
    EXPECT_EQ(context.logged.size(), said) << "said once";
    EXPECT_TRUE(context.take<Flushed>().empty());
    room = true;
    context.run(actor, 500ms);
    actor.on_drained();
    context.finish_job(actor);
    EXPECT_EQ(context.take<Flushed>(), (std::vector<Flushed>{{LogIndex(1), 5}}));
}

TEST_F(ServingTest, HandsOutOneSnapshotAndANewOneWhenThatIsTooOld) {
    apply(1);
    give(TakeSnapshot{1});
    finish_flush();
    give(ReadSnapshot{kPeer, LogIndex(1), 0, 0, 10});
    context.finish_job(actor);  // makes it
    context.finish_job(actor);  // reads
    const auto first = context.take<SnapshotRead>();
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].snapshot.last.index, LogIndex(1));
    EXPECT_EQ(first[0].bytes.size(), 10U);
    EXPECT_EQ(first[0].crc, crc32c(first[0].bytes.view()));
    apply(2);
    give(TakeSnapshot{2});
    finish_flush();
    give(ReadSnapshot{kPeer, LogIndex(1), first[0].snapshot.id, 10, 5});
    context.finish_job(actor);
    const auto second = context.take<SnapshotRead>();
    EXPECT_EQ(second.at(0).snapshot, first[0].snapshot) << "it is still good enough";
    EXPECT_EQ(second.at(0).offset, 10U);
    context.next_random = 1;
    give(ReadSnapshot{kPeer, LogIndex(2), first[0].snapshot.id, 15, 5});
    context.finish_job(actor);
    context.finish_job(actor);
    const auto third = context.take<SnapshotRead>();
    EXPECT_EQ(third.at(0).snapshot.last.index, LogIndex(2));
    EXPECT_EQ(third.at(0).offset, 0U) << "begins anew";
}

TEST_F(ServingTest, WhileItsStateIsReplacedReadsWaitAndOutcomesAreLost) {
    apply(1);
    const SnapshotName name = begin_install(9);
    give(ReadState{ReadNumber(4), LogIndex(1), {GetQuery{SharedBytes::copy("k")}}});
    give(AskReport{8});
    EXPECT_TRUE(context.take<StateRead>().empty());
    EXPECT_TRUE(context.take<StateReport>().empty());
    context.take<OutcomesReady>();
    context.finish_job(actor);
    EXPECT_EQ(context.take<StateInstalled>(), (std::vector<StateInstalled>{{name, true}}));
    const auto reads = context.take<StateRead>();
    ASSERT_EQ(reads.size(), 1U);
    EXPECT_EQ(std::get<GetAnswer>(reads[0].answers[0]).item->value.view(), "9");
    EXPECT_EQ(context.take<StateReport>().at(0).applied, LogIndex(9));
    const auto outcomes = context.take<OutcomesReady>();
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_TRUE(outcomes[0].skipped);
}

TEST_F(ServingTest, AFlushThatWaitsForRoomIsForgottenWithItsState) {
    room = false;
    apply(1);
    give(TakeSnapshot{5});
    context.finish_job(actor);
    install(9);
    context.run(actor, 500ms);
    actor.on_drained();
    EXPECT_EQ(context.take<Flushed>(), (std::vector<Flushed>{{LogIndex(9), 5}}));
    EXPECT_TRUE(context.jobs.empty());
}

TEST_F(ServingTest, ASnapshotThatIsNotHereIsNotInstalled) {
    apply(1);
    const SnapshotName name{entry(9, 1), 3, 100};
    give(InstallState{name});
    EXPECT_EQ(context.take<StateInstalled>(), (std::vector<StateInstalled>{{name, false}}));
    apply(2);
}

// ---- the tail of a log that is cut at its beginning

RecoveredLog log_of(std::uint64_t last, std::vector<EntryId> starts) {
    return {.hard_state = {},
            .before_first = {},
            .last = entry(last, starts.back().term.value),
            .term_starts = starts};
}

TEST(LogTailBeginning, ForgetsTheTermsOfWhatIsGone) {
    LogTail tail(log_of(30, {entry(1, 1), entry(11, 2), entry(21, 4)}));
    tail.disk_begins_after(entry(15, 2));
    EXPECT_EQ(tail.first(), LogIndex(16));
    EXPECT_EQ(tail.before_first(), entry(15, 2));
    EXPECT_EQ(tail.term_at(LogIndex(14)), std::nullopt);
    EXPECT_EQ(tail.term_at(LogIndex(15)), Term(2));
    EXPECT_EQ(tail.term_at(LogIndex(16)), Term(2));
    EXPECT_EQ(tail.term_at(LogIndex(21)), Term(4));
    EXPECT_EQ(tail.newest_not_after(entry(3, 1)), entry(3, 1)) << "nothing is known of it";
    tail.disk_begins_after(entry(30, 4));
    EXPECT_EQ(tail.first(), LogIndex(31));
    tail.append(batch(31, 1, 4));
    EXPECT_EQ(tail.term_at(LogIndex(31)), Term(4));
}

TEST(LogTailBeginning, MemoryMayReachBackFurtherThanTheDisk) {
    LogTail tail(log_of(2, {entry(1, 1)}));
    for (std::uint64_t i = 3; i <= 10; ++i) tail.append(batch(i, 1, 1));
    tail.disk_begins_after(entry(8, 1));
    EXPECT_EQ(tail.first(), LogIndex(3));
    EXPECT_EQ(tail.first_on_disk(), LogIndex(9));
    EXPECT_EQ(tail.batches_from(LogIndex(3), 1).size(), 1U);
    tail.evict(0, LogIndex(6));
    EXPECT_EQ(tail.first(), LogIndex(7));
    tail.evict(0, LogIndex(10));
    EXPECT_EQ(tail.first(), LogIndex(9)) << "the disk has these";
}

TEST(LogTailBeginning, RestartsBehindASnapshot) {
    LogTail tail(log_of(30, {entry(1, 1)}));
    tail.append(batch(31, 1, 2));
    tail.restart_after(entry(100, 5));
    EXPECT_EQ(tail.last(), entry(100, 5));
    EXPECT_EQ(tail.first(), LogIndex(101));
    EXPECT_EQ(tail.held_bytes(), 0U);
    tail.append(batch(101, 2, 5));
    EXPECT_EQ(tail.term_at(LogIndex(102)), Term(5));
    EXPECT_EQ(tail.term_at(LogIndex(100)), Term(5));
}

}  // namespace
}  // namespace raftbus::testing
