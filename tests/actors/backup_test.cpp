// BACKUP: what of the state is flushed for it, who gets it, and what becomes of it.
#include <gtest/gtest.h>

#include "actors/state_machine.hpp"
#include "messages/crc32c.hpp"
#include "sim/sim_base.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus::testing {
namespace {

constexpr Address kGateway{NodeId(1), ActorName::gateway};
constexpr Address kStateMachine{NodeId(1), ActorName::state_machine};

class Backups : public ::testing::Test {
protected:
    void give(const AnyMessage& message) {
        ASSERT_TRUE(actor.receive({.from = kGateway, .to = kStateMachine}, message));
        actor.on_drained();
    }
    // A batch of one command.
    void apply(std::string_view key) {
        const LogIndex next = state.applied().index.next();
        ASSERT_TRUE(actor.receive({.from = {NodeId(1), ActorName::replicator}, .to = kStateMachine},
                                  Apply{{batch_of(next, Term(1), {set(key, "v")})}}));
        actor.on_drained();
    }
    void run_jobs() {
        while (!context.jobs.empty()) {
            ++context.next_random;
            context.finish_job(actor);
        }
    }
    std::vector<BackupRead> answers() { return context.take<BackupRead>(); }
    BackupPiece piece() {
        const auto all = answers();
        EXPECT_EQ(all.size(), 1u);
        if (all.size() != 1 || !std::holds_alternative<BackupPiece>(all[0].outcome)) {
            ADD_FAILURE() << "no piece";
            return {};
        }
        return std::get<BackupPiece>(all[0].outcome);
    }
    std::optional<BackupFault> fault() {
        const auto all = answers();
        EXPECT_EQ(all.size(), 1u);
        if (all.empty() || !std::holds_alternative<NoBackup>(all[0].outcome)) return std::nullopt;
        return std::get<NoBackup>(all[0].outcome).why;
    }

    // A flush that found no room is tried again.
    void try_again() {
        context.run(actor, 500ms);
        actor.on_drained();
        run_jobs();
    }
    // Another node's state, of `last` entries, takes this one's place. Returns its digest.
    std::uint64_t install(std::uint64_t last) {
        KvLayers other{std::make_shared<sim::SimBase>(), {}};
        for (std::uint64_t i = 1; i <= last; ++i)
            other.apply(batch_of(LogIndex(i), Term(1), {set("other", "v")}), nullptr);
        other.begin_flush()();
        other.end_flush();
        const auto snapshot = other.begin_snapshot()();
        const std::string bytes = snapshot->read(0, snapshot->size());
        const SnapshotName name{snapshot->last(), 3, snapshot->size()};
        give(WriteSnapshot{name, 0, crc32c(bytes), SharedBytes::copy(bytes)});
        give(InstallState{name});
        return other.digest();
    }

    bool room = true;  // on the disk
    KvLayers state{std::make_shared<sim::SimBase>([this] { return room; }), {}};
    FakeContext context{kStateMachine};
    StateMachine actor{context, state};
};

TEST_F(Backups, HoldWhatIsAppliedWhenTheyBegin) {
    apply("a");
    apply("b");
    const std::uint64_t digest = state.digest();
    give(ReadBackup{1, 0, 0, 16});
    apply("c");
    run_jobs();
    const BackupPiece first = piece();
    EXPECT_EQ(first.snapshot.last, (EntryId{LogIndex(2), Term(1)}));
    EXPECT_EQ(first.digest, digest);
    EXPECT_EQ(first.offset, 0u);
    EXPECT_EQ(first.bytes.size(), 16u);
    EXPECT_EQ(crc32c(first.bytes.view()), first.crc);
    EXPECT_LT(first.snapshot.id, std::uint64_t{1} << 53) << "clients send it back";
}

TEST_F(Backups, AreReadPieceByPieceAndAPieceMayBeAskedForAgain) {
    apply("a");
    give(ReadBackup{1, 0, 0, 16});
    run_jobs();
    const BackupPiece first = piece();
    for (int again = 0; again < 2; ++again) {
        give(ReadBackup{2, first.snapshot.id, 16, 1 << 20});
        run_jobs();
        const BackupPiece rest = piece();
        EXPECT_EQ(rest.offset, 16u);
        EXPECT_EQ(rest.offset + rest.bytes.size(), first.snapshot.size);
        EXPECT_EQ(rest.snapshot, first.snapshot);
    }
}

TEST_F(Backups, OneIsReadAtATimeUntilItIsReadOrLeftAlone) {
    apply("a");
    give(ReadBackup{1, 0, 0, 16});
    run_jobs();
    const BackupPiece first = piece();
    give(ReadBackup{2, 0, 0, 16});
    EXPECT_EQ(fault(), BackupFault::busy);
    give(ReadBackup{3, first.snapshot.id, 16, 1 << 20});
    run_jobs();
    piece();
    give(ReadBackup{4, 0, 0, 16});
    run_jobs();
    const BackupPiece second = piece();
    EXPECT_NE(second.snapshot.id, first.snapshot.id);
    give(ReadBackup{5, first.snapshot.id, 0, 16});
    EXPECT_EQ(fault(), BackupFault::gone);
    context.run(actor, 6s);
    give(ReadBackup{6, 0, 0, 16});
    run_jobs();
    EXPECT_NE(piece().snapshot.id, second.snapshot.id) << "nobody had read on for a while";
}

TEST_F(Backups, OneThatNobodyReadsIsDropped) {
    apply("a");
    give(ReadBackup{1, 0, 0, 16});
    run_jobs();
    const BackupPiece first = piece();
    context.run(actor, 31s);
    give(ReadBackup{2, first.snapshot.id, 16, 16});
    EXPECT_EQ(fault(), BackupFault::gone);
}

TEST_F(Backups, WhoAsksWhileAnOlderFlushIsUnderWayWaitsForTheNext) {
    apply("a");
    give(TakeSnapshot{1});
    apply("b");
    give(ReadBackup{1, 0, 0, 16});
    run_jobs();
    EXPECT_EQ(piece().snapshot.last.index, LogIndex(2));
}

TEST_F(Backups, WhatFindsNoRoomAtFirstIsStillWhatWasAppliedThen) {
    apply("a");
    const std::uint64_t digest = state.digest();
    room = false;
    give(ReadBackup{1, 0, 0, 16});
    run_jobs();
    apply("b");
    room = true;
    try_again();
    const BackupPiece first = piece();
    EXPECT_EQ(first.snapshot.last.index, LogIndex(1));
    EXPECT_EQ(first.digest, digest);
}

TEST_F(Backups, OfAStateThatIsReplacedBeforeThereIsRoomAreOfTheNewOne) {
    apply("a");
    room = false;
    give(ReadBackup{1, 0, 0, 16});
    run_jobs();
    const std::uint64_t digest = install(7);
    room = true;
    run_jobs();
    EXPECT_EQ(state.digest(), digest);
    try_again();
    const BackupPiece first = piece();
    EXPECT_EQ(first.snapshot.last.index, LogIndex(7));
    EXPECT_EQ(first.digest, digest);
}

TEST_F(Backups, WithoutRoomForTheirFilesThereIsNone) {
    apply("a");
    give(TakeSnapshot{1});
    run_jobs();
    room = false;
    give(ReadBackup{1, 0, 0, 16});
    run_jobs();
    EXPECT_EQ(fault(), BackupFault::no_room);
    room = true;
    give(ReadBackup{2, 0, 0, 16});
    run_jobs();
    piece();
}

TEST_F(Backups, AnEmptyStateHasOneToo) {
    give(ReadBackup{1, 0, 0, 1 << 20});
    run_jobs();
    EXPECT_EQ(piece().snapshot.last, EntryId{});
}

TEST(GatewayBackups, HandPiecesToWhoeverAsked) {
    GatewayScene node;
    node.ask({{"op", "BACKUP"}, {"id", 1}, {"backup", 7}, {"offset", 3}});
    const auto asked = node.sent<ReadBackup>();
    EXPECT_EQ(asked.backup, 7u);
    EXPECT_EQ(asked.offset, 3u);
    BackupPiece piece{{{LogIndex(9), Term(2)}, 7, 5}, 0xabc, WallTime(11), 3, 0,
                      SharedBytes::copy("xy")};
    piece.crc = crc32c("xy");
    node.deliver(BackupRead{asked.ask, piece}, GatewayScene::neighbour(ActorName::state_machine));
    const Json reply = node.reply();
    EXPECT_EQ(reply, (Json{{"ok", true},
                           {"id", 1},
                           {"backup", 7},
                           {"revision", 9},
                           {"term", 2},
                           {"digest", "0000000000000abc"},
                           {"time_us", 11},
                           {"size", 5},
                           {"offset", 3},
                           {"crc", piece.crc},
                           {"bytes", Json::binary({'x', 'y'})}}));
}

TEST(GatewayBackups, SayWhyThereIsNone) {
    GatewayScene node;
    node.ask({{"op", "BACKUP"}, {"id", 1}});
    node.deliver(BackupRead{node.sent<ReadBackup>().ask, NoBackup{BackupFault::busy}},
                 GatewayScene::neighbour(ActorName::state_machine));
    expect_failure(node.reply(), "BUSY", "no");
    node.ask({{"op", "BACKUP"}, {"id", 2}, {"backup", 7}});
    node.deliver(BackupRead{node.sent<ReadBackup>().ask, NoBackup{BackupFault::gone}},
                 GatewayScene::neighbour(ActorName::state_machine));
    expect_failure(node.reply(), "BAD_REQUEST", "no");
    node.ask({{"op", "BACKUP"}, {"id", 3}, {"offset", 7}});
    expect_failure(node.reply(), "BAD_REQUEST", "no");
}

}  // namespace
}  // namespace raftbus::testing
