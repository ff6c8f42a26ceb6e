// A state as bytes, sent in pieces and put in another's place: on disk and in the simulator's
// memory.
#include "storage/snapshot.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sim/sim_base.hpp"
#include "sim/sim_disk.hpp"
#include "storage/kv_rocksdb.hpp"
#include "storage/log.hpp"
#include "storage/snapshot_files.hpp"
#include "storage/startup.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/temp_directory.hpp"

namespace raftbus {
namespace {

using testing::set;

void fill(KvState& state, std::size_t keys) {
    for (std::size_t i = 0; i < keys; ++i) {
        const std::string key = "key " + std::to_string(i);
        state.apply(testing::batch_of(state.applied().index.next(), Term(3), {set(key, "v" + key)}),
                    nullptr);
    }
}

void flush(KvState& state) {
    state.begin_flush()();
    state.end_flush();
}

// In pieces of `piece` bytes, all but the last `short_of` bytes.
std::unique_ptr<IncomingSnapshot> copy(Snapshot& from, KvState& to, std::size_t piece,
                                       std::uint64_t short_of = 0) {
    auto incoming = to.receive_snapshot();
    const std::uint64_t end = from.size() - short_of;
    for (std::uint64_t at = 0; at < end;) {
        const std::string bytes = from.read(at, std::min<std::uint64_t>(piece, end - at));
        EXPECT_TRUE(incoming->append(bytes));
        at += bytes.size();
    }
    return incoming;
}

bool install(KvState& state, std::unique_ptr<IncomingSnapshot> incoming, EntryId last) {
    const Status done = state.begin_install(std::move(incoming), last)();
    state.end_install(done.ok());
    return done.ok();
}

ScanAnswer everything(KvState& state) {
    ScanQuery all;
    all.limit = all.bytes_max = 1 << 30;
    return state.scan(all);
}

class SnapshotTest : public ::testing::TestWithParam<bool> {
protected:
    // On disk, or in the simulator's memory.
    std::unique_ptr<KvState> make(const std::string& name) {
        if (!GetParam())
            return std::make_unique<KvLayers>(std::make_shared<sim::SimBase>(), KvLayersOptions{});
        return std::move(KvRocksdb::open(directory.path() + "/" + name, {}).value());
    }
    testing::TempDirectory directory;
};

INSTANTIATE_TEST_SUITE_P(Kinds, SnapshotTest, ::testing::Bool(), [](const auto& info) {
    return std::string(info.param ? "RocksDb" : "Simulated");
});

TEST_P(SnapshotTest, PutsAStateInAnothersPlace) {
    const auto from = make("from"), to = make("to");
    fill(*from, 500);
    flush(*from);
    const ScanAnswer then = everything(*from);
    const EntryId last = from->applied();
    const std::uint64_t digest = from->digest();
    const auto snapshot = from->begin_snapshot()();
    ASSERT_EQ(snapshot->last(), last);
    fill(*from, 700);  // what comes later is not in it
    flush(*from);

    fill(*to, 20);
    flush(*to);
    fill(*to, 10);
    ASSERT_FALSE(to->installed());
    ASSERT_TRUE(install(*to, copy(*snapshot, *to, 777), last));
    EXPECT_EQ(to->applied(), last);
    EXPECT_EQ(to->flushed(), last);
    EXPECT_EQ(to->digest(), digest);
    EXPECT_EQ(everything(*to), then);
    EXPECT_TRUE(to->installed());
    fill(*to, 600);
    flush(*to);
    EXPECT_FALSE(to->installed()) << "the log has come along";
    EXPECT_EQ(to->get("key 599")->value.view(), "vkey 599");
}

TEST_P(SnapshotTest, WhatIsNotWholeOrNotTheRightOneChangesNothing) {
    const auto from = make("from"), to = make("to");
    fill(*from, 500);
    flush(*from);
    const auto snapshot = from->begin_snapshot()();
    fill(*to, 20);
    flush(*to);
    const ScanAnswer before = everything(*to);
    const EntryId other{LogIndex(499), Term(3)};
    EXPECT_FALSE(install(*to, copy(*snapshot, *to, 4096), other));
    if (GetParam()) EXPECT_FALSE(install(*to, copy(*snapshot, *to, 4096, 1), snapshot->last()));
    EXPECT_EQ(to->applied().index, LogIndex(20));
    EXPECT_EQ(everything(*to), before);
    EXPECT_TRUE(install(*to, copy(*snapshot, *to, 4096), snapshot->last()));
}

TEST(SnapshotOnDisk, SurvivesARestartAndRemembersThatItWasInstalled) {
    testing::TempDirectory directory;
    const std::string path = directory.path() + "/state";
    auto from = std::move(KvRocksdb::open(directory.path() + "/from", {}).value());
    fill(*from, 300);
    flush(*from);
    auto snapshot = from->begin_snapshot()();
    auto to = std::move(KvRocksdb::open(path, {}).value());
    ASSERT_TRUE(install(*to, copy(*snapshot, *to, 10'000), snapshot->last()));
    to.reset();
    to = std::move(KvRocksdb::open(path, {}).value());
    EXPECT_EQ(to->applied(), from->applied());
    EXPECT_EQ(to->digest(), from->digest());
    EXPECT_TRUE(to->installed());
}

TEST(SnapshotOnDisk, ACrashAnywhereLeavesTheOldOrTheNew) {
    testing::TempDirectory directory;
    const std::string path = directory.path() + "/state";
    {
        auto state = std::move(KvRocksdb::open(path, {}).value());
        fill(*state, 20);
        flush(*state);
    }
    namespace fs = std::filesystem;
    // While it comes in.
    fs::create_directory(path + "-incoming");
    std::ofstream(path + "-incoming/000007.sst") << "half of a file";
    // Between the two renames.
    fs::rename(path, path + "-old");
    auto state = std::move(KvRocksdb::open(path, {}).value());
    EXPECT_EQ(state->applied().index, LogIndex(20));
    EXPECT_FALSE(fs::exists(path + "-incoming"));
    EXPECT_FALSE(fs::exists(path + "-old"));
    // After them.
    fs::create_directory(path + "-old");
    state.reset();
    state = std::move(KvRocksdb::open(path, {}).value());
    EXPECT_EQ(state->applied().index, LogIndex(20));
    EXPECT_FALSE(fs::exists(path + "-old"));
}

// ---- rot: what is sent is read first, and what came in as well

class RottenSnapshot : public ::testing::Test {
protected:
    RottenSnapshot() {
        for (int i = 0; i < 300; ++i) {
            const std::string key = "key " + std::to_string(i), value(300, static_cast<char>(33 + i % 90));
            from->apply(testing::batch_of(LogIndex(std::uint64_t(i) + 1), Term(3), {set(key, value)}),
                        nullptr);
        }
        flush(*from);
        fill(*to, 3);
        flush(*to);
    }
    static void flip(const std::string& directory) {
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            if (entry.path().extension() != ".sst") continue;
            std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            const auto at = static_cast<std::streamoff>(entry.file_size() / 3);
            file.seekg(at);
            const char byte = static_cast<char>(file.get() ^ 0x10);
            file.seekp(at);
            file.put(byte);
        }
    }
    testing::TempDirectory directory;
    std::unique_ptr<KvState> from = std::move(KvRocksdb::open(directory.path() + "/from", {}).value());
    std::unique_ptr<KvState> to = std::move(KvRocksdb::open(directory.path() + "/to", {}).value());
};

TEST_F(RottenSnapshot, IsNotSent) {
    const auto snapshot = from->begin_snapshot()();
    flip(directory.path() + "/from");  // the snapshot's files are the same ones
    EXPECT_THROW(snapshot->read(0, 100'000'000), StateDamaged);
}

TEST_F(RottenSnapshot, IsNotInstalled) {
    const auto snapshot = from->begin_snapshot()();
    auto incoming = copy(*snapshot, *to, 1000);
    flip(directory.path() + "/to-incoming");
    const EntryId before = to->applied();
    EXPECT_FALSE(install(*to, std::move(incoming), snapshot->last()));
    EXPECT_EQ(to->applied(), before);
    EXPECT_EQ(everything(*to).items.size(), 3U) << "the state is as it was";
    auto again = copy(*snapshot, *to, 1000);
    EXPECT_TRUE(install(*to, std::move(again), snapshot->last()));
    EXPECT_EQ(everything(*to), everything(*from));
}

TEST_F(RottenSnapshot, OfAnotherDigestIsNotInstalled) {
    const auto snapshot = from->begin_snapshot()();
    const auto end = [&](std::uint64_t digest) {
        const Status done =
            to->begin_install(copy(*snapshot, *to, 1000), snapshot->last(), digest)();
        to->end_install(done.ok());
        return done.ok();
    };
    EXPECT_FALSE(end(from->digest() + 1));
    EXPECT_EQ(to->applied().index, LogIndex(3));
    EXPECT_TRUE(end(from->digest()));
}

TEST(DirectorySnapshot, AnyFilesInPiecesOfAnySize) {
    testing::TempDirectory directory;
    namespace fs = std::filesystem;
    const std::string from = directory.path() + "/from", to = directory.path() + "/to";
    for (const std::size_t piece : {1U, 7U, 64U, 100'000U}) {
        fs::create_directory(from);
        std::ofstream(from + "/a") << "";
        std::ofstream(from + "/b") << std::string(1'000, 'b');
        std::ofstream(from + "/c") << "";
        std::ofstream(from + "/d") << "the end";
        std::ofstream(from + "/e") << "";
        DirectorySnapshot snapshot(from, {});
        DirectoryIntake intake(to);
        for (std::uint64_t at = 0; at < snapshot.size(); at += piece) {
            EXPECT_FALSE(intake.finish().ok());
            ASSERT_TRUE(intake.append(snapshot.read(at, piece)));
        }
        ASSERT_TRUE(intake.finish().ok());
        std::string b, d;
        std::ifstream(to + "/b") >> b;
        std::getline(std::ifstream(to + "/d"), d);
        EXPECT_EQ(b, std::string(1'000, 'b'));
        EXPECT_EQ(d, "the end");
        for (const char* empty : {"/a", "/c", "/e"}) EXPECT_TRUE(fs::exists(to + empty));
    }
}

TEST(DirectorySnapshot, NothingIsWrittenOutsideOfItsDirectory) {
    testing::TempDirectory directory;
    const auto number = [](std::uint64_t n) {
        std::string bytes;
        for (int i = 0; i < 8; ++i) bytes += static_cast<char>(n >> (8 * i));
        return bytes;
    };
    for (const std::string name : {"../out", "a/b", "..", ""}) {
        DirectoryIntake intake(directory.path() + "/in");
        EXPECT_TRUE(
            intake.append("RBSNAP01" + number(1) + number(3) + number(name.size()) + name + "abc"));
        EXPECT_FALSE(intake.finish().ok()) << name;
        EXPECT_FALSE(std::filesystem::exists(directory.path() + "/out"));
    }
    DirectoryIntake other(directory.path() + "/in");
    EXPECT_TRUE(other.append(std::string(100, 'x')));
    EXPECT_FALSE(other.finish().ok());
}

// ---- log and state at a start

class Startup : public ::testing::Test {
protected:
    Log& open_log() {
        log = std::move(Log::open(disk, {.identity = 1, .segment_bytes = 4096}).value());
        return *log;
    }
    void append(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i)
            ASSERT_TRUE(
                log->stage(LogIndex(), {testing::no_op_batch(log->last().index.next(), Term(3))}));
        log->sync();
        open_log();
    }
    // A state up to `last` that came as a snapshot.
    void install_up_to(std::size_t last) {
        auto from = std::make_shared<sim::SimBase>();
        KvLayers other(from, {});
        fill(other, last);
        flush(other);
        auto snapshot = other.begin_snapshot()();
        ASSERT_TRUE(install(state, copy(*snapshot, state, 1000), snapshot->last()));
    }
    sim::SimDisk disk;
    std::unique_ptr<Log> log;
    KvLayers state{std::make_shared<sim::SimBase>(), {}};
};

TEST_F(Startup, AnInstalledSnapshotTakesTheLogAlong) {
    open_log();
    append(5);
    install_up_to(30);
    ASSERT_TRUE(bring_together(*log, state).ok());
    EXPECT_EQ(log->recovered().last, (EntryId{LogIndex(30), Term(3)}));
    EXPECT_EQ(open_log().last(), (EntryId{LogIndex(30), Term(3)}));
    EXPECT_TRUE(bring_together(*log, state).ok());
}

TEST_F(Startup, ALogThatReachesTheSnapshotStays) {
    open_log();
    append(40);
    install_up_to(30);
    ASSERT_TRUE(bring_together(*log, state).ok());
    EXPECT_EQ(log->first(), LogIndex(1));
    EXPECT_EQ(log->last().index, LogIndex(40));
}

TEST_F(Startup, AStateAheadOfItsLogIsRefused) {
    open_log();
    append(5);
    fill(state, 30);
    const Status refused = bring_together(*log, state);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("log files are missing"), std::string::npos);
}

TEST_F(Startup, ALogThatBeginsBehindTheStateIsRefused) {
    open_log();
    append(5);
    ASSERT_TRUE(log->restart_after({LogIndex(100), Term(3)}));
    const Status refused = bring_together(*log, state);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("the log begins at 101"), std::string::npos);
}

}  // namespace
}  // namespace raftbus
