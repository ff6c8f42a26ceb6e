// What only the durable state does: restarts, crashes, flushes beside reads, damage.
#include "storage/kv_rocksdb.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "sim/sim_base.hpp"
#include "storage/disk.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/temp_directory.hpp"

namespace raftbus {
namespace {

using testing::erase;
using testing::set;

class KvRocksdbTest : public ::testing::Test {
protected:
    KvRocksdbTest() { open(); }

    void open() { state = std::move(KvRocksdb::open(path(), options).value()); }
    // What kill -9 leaves: the object goes, and nothing is flushed first.
    void crash() {
        state.reset();
        open();
    }
    // Applies the commands to the state, and to one in memory that sees them once.
    void apply(const std::vector<Command>& commands) {
        log.push_back(testing::batch_of(state->applied().index.next(), Term(1), commands));
        state->apply(log.back(), nullptr);
        reference.apply(log.back(), nullptr);
    }
    // Applies again what the log has and the state lost.
    void replay() {
        for (const Batch& batch : log)
            if (batch.header.last() > state->applied().index) state->apply(batch, nullptr);
    }
    void flush() {
        state->begin_flush()();
        state->end_flush();
    }
    std::string get(std::string_view key) {
        const std::optional<Item> item = state->get(key);
        return item ? std::string(item->value.view()) + "@" + std::to_string(item->revision) : "-";
    }
    void expect_all_as_in_reference() {
        EXPECT_EQ(state->applied(), reference.applied());
        EXPECT_EQ(state->digest(), reference.digest());
        ScanQuery all;
        all.limit = all.bytes_max = 1 << 30;
        EXPECT_EQ(state->scan(all), reference.scan(all));
    }

    std::string path() const { return directory.path() + "/state"; }
    std::vector<std::filesystem::path> table_files() const {
        std::vector<std::filesystem::path> files;
        for (const auto& file : std::filesystem::directory_iterator(path()))
            if (file.path().extension() == ".sst") files.push_back(file.path());
        std::sort(files.begin(), files.end());
        return files;
    }

    testing::TempDirectory directory;
    KvRocksdbOptions options;
    std::unique_ptr<KvRocksdb> state;
    KvLayers reference{std::make_shared<sim::SimBase>(), {}};  // never flushed
    std::vector<Batch> log;
};

TEST_F(KvRocksdbTest, FindsTheLastFlushAfterARestart) {
    apply({set("a", "1"), set("b", "2"), erase("a")});
    flush();
    EXPECT_EQ(state->flushed(), (EntryId{LogIndex(3), Term(1)}));
    state.reset();
    open();
    EXPECT_EQ(state->applied(), (EntryId{LogIndex(3), Term(1)}));
    EXPECT_EQ(state->flushed(), state->applied());
    EXPECT_EQ(get("a"), "-");
    EXPECT_EQ(get("b"), "2@2");
    expect_all_as_in_reference();
}

TEST_F(KvRocksdbTest, AFlushCarriesTheLastConfiguration) {
    apply({set("a", "1")});
    flush();
    crash();
    EXPECT_EQ(state->configuration().index, LogIndex(0));
    for (const char* body : {"first", "second"}) {
        Batch batch = testing::batch_of(state->applied().index.next(), Term(1), {set("b", "2")});
        batch.header.kind = BatchKind::config;
        batch.body = SharedBytes::copy(body);
        state->apply(batch, nullptr);
    }
    flush();
    crash();
    const StoredConfiguration last{LogIndex(3), SharedBytes::copy("second")};
    EXPECT_EQ(state->configuration(), last);
    EXPECT_EQ(state->applied().index, LogIndex(3));
}

TEST_F(KvRocksdbTest, ForgetsWhatWasNotFlushedAndTakesItFromTheLogAgain) {
    apply({set("a", "1")});
    flush();
    apply({set("a", "2"), set("b", "2")});
    crash();
    EXPECT_EQ(state->applied().index, LogIndex(1));
    EXPECT_EQ(get("a"), "1@1");
    EXPECT_EQ(get("b"), "-");
    replay();
    expect_all_as_in_reference();
}

TEST_F(KvRocksdbTest, HasTheEarlierFlushIfItDiesBeforeTheWork) {
    apply({set("a", "1")});
    flush();
    apply({set("a", "2")});
    { const std::function<void()> never_run = state->begin_flush(); }
    apply({set("b", "3")});
    crash();
    EXPECT_EQ(get("a"), "1@1");
    EXPECT_EQ(state->applied().index, LogIndex(1));
    replay();
    expect_all_as_in_reference();
}

TEST_F(KvRocksdbTest, HasTheNewFlushIfItDiesAfterTheWork) {
    apply({set("a", "1")});
    flush();
    apply({set("a", "2"), set("b", "2")});
    state->begin_flush()();
    EXPECT_EQ(state->flushed().index, LogIndex(1)) << "nobody has said yet that it is done";
    apply({erase("a")});
    crash();
    EXPECT_EQ(state->flushed().index, LogIndex(3));
    EXPECT_EQ(get("a"), "2@2");
    replay();
    expect_all_as_in_reference();
}

TEST_F(KvRocksdbTest, RemovesWhatAnUnfinishedFlushLeft) {
    apply({set("a", "1")});
    flush();
    state.reset();
    const std::string leftover = path() + "/flush.pending";
    std::ofstream(leftover) << "half a file";
    open();
    EXPECT_FALSE(std::filesystem::exists(leftover));
    EXPECT_EQ(get("a"), "1@1");
    apply({set("a", "2")});
    flush();
    EXPECT_FALSE(std::filesystem::exists(leftover));
    crash();
    EXPECT_EQ(get("a"), "2@2");
}

TEST_F(KvRocksdbTest, OverwritesEarlierFlushes) {
    for (int round = 0; round < 12; ++round) {
        const std::string value = "round " + std::to_string(round);
        apply({set("always", value), set("key " + std::to_string(round), value)});
        if (round > 2) apply({erase("key " + std::to_string(round - 2))});
        flush();
        if (round % 5 == 4) crash();
        expect_all_as_in_reference();
    }
}

TEST_F(KvRocksdbTest, FlushesWhenNothingChanged) {
    flush();
    crash();
    EXPECT_EQ(state->applied(), EntryId());
    state->apply(testing::no_op_batch(LogIndex(1), Term(4)), nullptr);
    const std::uint64_t digest = state->digest();
    flush();
    crash();
    EXPECT_EQ(state->applied(), (EntryId{LogIndex(1), Term(4)}));
    EXPECT_EQ(state->digest(), digest);
}

TEST_F(KvRocksdbTest, WantsAFlushWhenTheTableIsLarge) {
    options.layers.flush_bytes = 100'000;
    crash();
    const std::string value(1000, 'v');
    int sets = 0;
    for (; !state->wants_flush(); ++sets) apply({set("key " + std::to_string(sets), value)});
    EXPECT_GT(sets, 80);
    EXPECT_LE(sets, 100);
    const std::function<void()> work = state->begin_flush();
    EXPECT_THROW(state->begin_flush(), CheckFailed);
    for (int i = 0; i < 200; ++i) apply({set("key " + std::to_string(i), value)});
    EXPECT_FALSE(state->wants_flush()) << "one is under way";
    work();
    state->end_flush();
    EXPECT_TRUE(state->wants_flush());
    flush();
    EXPECT_FALSE(state->wants_flush());
    expect_all_as_in_reference();
}

TEST_F(KvRocksdbTest, WantsAFlushWhenARestartWouldHaveToReplayMuch) {
    options.layers.replay_bytes = 100'000;
    crash();
    int sets = 0;
    for (; !state->wants_flush(); ++sets) apply({set("one key", std::string(900, 'v'))});
    EXPECT_GT(sets, 90);
    EXPECT_LT(sets, 110);
    flush();
    EXPECT_FALSE(state->wants_flush());
}

TEST_F(KvRocksdbTest, ReadsAndAppliesWhileAFlushRuns) {
    for (int i = 0; i < 2000; ++i) apply({set("key " + std::to_string(i % 500), "before")});
    for (int round = 0; round < 3; ++round) {
        std::thread flusher(state->begin_flush());
        for (int i = 0; i < 500; ++i) {
            const std::string key = "key " + std::to_string(i);
            if (i % 3 == 0) apply({set(key, "round " + std::to_string(round))});
            if (i % 7 == 0) apply({erase(key)});
            const std::optional<Item> expected = reference.get(key);
            ASSERT_EQ(state->get(key), expected) << key;
            if (i % 100 == 0) expect_all_as_in_reference();
        }
        flusher.join();
        expect_all_as_in_reference();
        state->end_flush();
        expect_all_as_in_reference();
    }
    crash();
    replay();
    expect_all_as_in_reference();
}

TEST_F(KvRocksdbTest, HoldsAHundredThousandKeys) {
    constexpr int kKeys = 100'000;
    std::vector<std::string> keys;
    for (int i = 0; i < kKeys; ++i) keys.push_back("key " + std::to_string(i * 7919 % kKeys));
    for (int i = 0; i < kKeys; i += 1000) {
        std::vector<Command> commands;
        for (int j = i; j < i + 1000; ++j) commands.push_back(set(keys[j], keys[j]));
        apply(commands);
        if (i % 30'000 == 0) flush();
    }
    flush();
    crash();
    EXPECT_NEAR(static_cast<double>(state->keys()), kKeys, kKeys / 100) << "about";
    expect_all_as_in_reference();

    ScanQuery page;
    page.limit = 100;
    page.bytes_max = 1 << 20;
    page.start = SharedBytes::copy("key 5");
    const ScanAnswer answer = state->scan(page);
    EXPECT_EQ(answer.items.size(), 100U);
    EXPECT_EQ(answer.items.front().key.view(), "key 5");
    EXPECT_TRUE(answer.more);
}

TEST_F(KvRocksdbTest, MayBeOpenedOnlyOnce) {
    const auto second = KvRocksdb::open(path(), options);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("no other node runs on that directory"),
              std::string::npos)
        << second.error().message;
}

TEST_F(KvRocksdbTest, SaysSoWhenTheDirectoryCanNotBeMade) {
    std::ofstream(directory.path() + "/file") << "not a directory";
    const auto opened = KvRocksdb::open(directory.path() + "/file/state", options);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find(directory.path() + "/file/state"), std::string::npos)
        << opened.error().message;
}

TEST_F(KvRocksdbTest, EndsWhenAFlushedValueIsDamaged) {
    apply({set("a", "value"), set("b", "value")});
    flush();
    state.reset();
    ASSERT_EQ(table_files().size(), 1U);
    {
        std::fstream file(table_files()[0], std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(10);
        file << "\xff\xff\xff\xff";
    }
    // One block holds both values and the applied index.
    const auto opened = KvRocksdb::open(path(), options);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("raftbus repair"), std::string::npos)
        << opened.error().message;
}

TEST_F(KvRocksdbTest, EndsWhenAReadMeetsDamage) {
    const std::string value(10'000, 'v');  // a block of its own for each
    apply({set("a", value), set("b", value)});
    flush();
    state.reset();
    ASSERT_EQ(table_files().size(), 1U);
    {
        std::fstream file(table_files()[0], std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(10);
        file << "\xff\xff\xff\xff";
    }
    open();
    EXPECT_EQ(get("b"), value + "@2");
    EXPECT_THROW(state->get("a"), DiskFailed);
    ScanQuery all;
    all.limit = all.bytes_max = 1 << 30;
    EXPECT_THROW(state->scan(all), DiskFailed);
}

TEST_F(KvRocksdbTest, IsNotOpenedWhenAFileIsCutShortOrMissing) {
    apply({set("a", "value")});
    flush();
    state.reset();
    const std::filesystem::path file = table_files().at(0);
    std::filesystem::resize_file(file, 100);
    const auto cut = KvRocksdb::open(path(), options);
    ASSERT_FALSE(cut);
    EXPECT_NE(cut.error().message.find("is damaged"), std::string::npos) << cut.error().message;
    std::filesystem::remove(file);
    EXPECT_FALSE(KvRocksdb::open(path(), options));
}

TEST_F(KvRocksdbTest, StartsLeaveNoLogsBehind) {
    apply({set("a", "1")});
    flush();
    const auto logs = [this] {
        return std::ranges::count_if(std::filesystem::directory_iterator(path()), [](const auto& file) {
            return file.path().extension() == ".log";
        });
    };
    for (int start = 0; start < 5; ++start) crash();
    EXPECT_LE(logs(), 1);
    expect_all_as_in_reference();
}

// Flips a bit in the middle of the newest file, where values stand.
void rot(const std::filesystem::path& file) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(std::filesystem::file_size(file) / 3);
    bytes.seekg(at);
    const char byte = static_cast<char>(bytes.get() ^ 0x10);
    bytes.seekp(at);
    bytes.put(byte);
}

TEST_F(KvRocksdbTest, WhatCanNotBeReadIsToldAsDamage) {
    std::vector<Command> commands;
    std::vector<std::string> keys, values;
    for (int i = 0; i < 200; ++i) {
        keys.push_back("key " + std::to_string(1000 + i));
        values.push_back(std::string(500, static_cast<char>('a' + i % 26)) + std::to_string(i * 7919));
    }
    for (int i = 0; i < 200; ++i) commands.push_back(set(keys[i], values[i]));
    apply(commands);
    flush();
    state.reset();
    rot(table_files().at(0));
    open();
    EXPECT_EQ(state->damage(), "") << "nobody has looked yet";
    int damaged = 0;
    for (const std::string& key : keys) {
        try {
            state->get(key);
        } catch (const StateDamaged& found) {
            ++damaged;
            EXPECT_NE(std::string(found.what()).find("is damaged"), std::string::npos);
        }
    }
    EXPECT_GT(damaged, 0);
    EXPECT_LT(damaged, 200);
    ScanQuery all;
    all.limit = all.bytes_max = 1 << 30;
    EXPECT_THROW(state->scan(all), StateDamaged);
    std::vector<Command> erases;
    for (const std::string& key : keys) erases.push_back(erase(key));
    const EntryId before = state->applied();
    EXPECT_THROW(
        state->apply(testing::batch_of(before.index.next(), Term(1), erases), nullptr), StateDamaged);
    EXPECT_EQ(state->applied(), before) << "it is not applied";
}

}  // namespace
}  // namespace raftbus
