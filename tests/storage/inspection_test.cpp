// What is said of a node's data directory, whole and damaged; nothing of it is changed.
#include "storage/inspection.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "messages/crc32c.hpp"
#include "storage/disk_posix.hpp"
#include "storage/kv_rocksdb.hpp"
#include "storage/log_format.hpp"
#include "storage/sole_survivor.hpp"
#include "storage/startup.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/temp_directory.hpp"

namespace raftbus {
namespace {

namespace fs = std::filesystem;
using testing::set;

class InspectionTest : public ::testing::Test {
protected:
    std::string path() const { return directory.path() + "/n2"; }
    static Identity identity() {
        return {"prod",
                NodeId(2),
                {{NodeId(1), true, "tcp://h:1", ""},
                 {NodeId(2), true, "tcp://h:2", ""},
                 {NodeId(3), true, "tcp://h:3", ""}}};
    }
    // A node that has run: 40 entries in small segments, the state flushed at 30.
    void make() {
        auto disk = open_posix_disk(path());
        ASSERT_TRUE(disk.ok());
        ASSERT_TRUE(save_identity(**disk, identity()));
        auto log = open_log(**disk, identity(), {.segment_bytes = 4096});
        ASSERT_TRUE(log.ok()) << log.error().message;
        auto state = KvRocksdb::open(state_directory(path()), {});
        ASSERT_TRUE(state.ok());
        ASSERT_TRUE((*log)->stage(HardState{Term(3), NodeId(1)}));
        for (std::uint64_t i = 1; i <= 40; ++i) {
            const Batch batch = testing::batch_of(
                LogIndex(i), Term(3), {set("k" + std::to_string(i), std::string(300, 'v'))});
            ASSERT_TRUE((*log)->stage(LogIndex(), {batch}));
            (*log)->sync();
            if (i <= 30) (*state)->apply(batch, nullptr);
        }
        (*log)->seal();
        (*state)->begin_flush()();
        (*state)->end_flush();
    }
    Inspection look() {
        auto disk = open_disk_to_read(path());
        EXPECT_TRUE(disk.ok());
        return inspect(**disk, path(), [](auto, auto, auto) {});
    }
    void flip(const fs::path& file, std::uint64_t offset) {
        std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
        bytes.seekg(static_cast<std::streamoff>(offset));
        const char byte = static_cast<char>(bytes.get() ^ 0x40);
        bytes.seekp(static_cast<std::streamoff>(offset));
        bytes.put(byte);
    }
    fs::path segment(std::uint64_t number) const { return path() + "/" + segment_name(number); }
    fs::path table() const {
        for (const auto& entry : fs::directory_iterator(path() + "/state"))
            if (entry.path().extension() == ".sst") return entry.path();
        return {};
    }
    // Every file with its bytes.
    std::map<std::string, std::string> bytes() const {
        std::map<std::string, std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator(path())) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            files[entry.path().string()] = {std::istreambuf_iterator<char>(file), {}};
        }
        return files;
    }
    std::string first_damage() {
        const Inspection found = look();
        if (found.damages.empty()) return "sound";
        const Damage& damage = found.damages.front();
        return damage.file + "@" + std::to_string(damage.offset) + ": " + damage.what;
    }

    testing::TempDirectory directory;
};

TEST_F(InspectionTest, TellsWhatAWholeDirectoryHolds) {
    make();
    const auto before = bytes();
    const Inspection found = look();
    EXPECT_TRUE(found.sound()) << found.damages.front().what;
    EXPECT_EQ(found.identity, identity());
    ASSERT_TRUE(found.log);
    EXPECT_EQ(found.log->last, (EntryId{LogIndex(40), Term(3)}));
    EXPECT_EQ(found.log->hard_state, (HardState{Term(3), NodeId(1)}));
    EXPECT_GT(found.segments, 3u);
    ASSERT_TRUE(found.state);
    EXPECT_EQ(found.state->applied.index, LogIndex(30));
    EXPECT_EQ(found.counts.keys, 30u);
    EXPECT_EQ(bytes(), before) << "nothing is changed, and nothing is added";
}

TEST_F(InspectionTest, ADirectoryThatIsInUseIsRefused) {
    make();
    const auto node = open_posix_disk(path());
    ASSERT_TRUE(node.ok());
    const auto disk = open_disk_to_read(path());
    ASSERT_FALSE(disk.ok());
    EXPECT_NE(disk.error().message.find("stop the node first"), std::string::npos);
}

TEST_F(InspectionTest, NoNodeStartsWhileADirectoryIsLookedAt) {
    make();
    const auto disk = open_disk_to_read(path());
    ASSERT_TRUE(disk.ok());
    EXPECT_FALSE(open_posix_disk(path()).ok());
}

TEST_F(InspectionTest, DamageWithinASegmentIsNamedByItsPlace) {
    make();
    const auto before = bytes();
    flip(segment(2), 1000);
    const Inspection found = look();
    ASSERT_FALSE(found.sound());
    EXPECT_EQ(found.damages.front().file, segment_name(2));
    EXPECT_GT(found.damages.front().offset, 0u);
    EXPECT_LE(found.damages.front().offset, 1000u);
    EXPECT_FALSE(found.log) << "a node refuses it";
    EXPECT_TRUE(found.state) << "the rest is told all the same";
    flip(segment(2), 1000);
    EXPECT_EQ(bytes(), before);
}

TEST_F(InspectionTest, EveryDamagedPlaceIsFound) {
    make();
    flip(segment(1), 1000);
    flip(segment(1), 2500);
    flip(segment(3), 1000);
    const Inspection found = look();
    std::vector<std::string> files;
    for (const Damage& damage : found.damages) files.push_back(damage.file);
    EXPECT_EQ(files, (std::vector<std::string>{segment_name(1), segment_name(1), segment_name(3)}));
}

TEST_F(InspectionTest, AnUnfinishedWriteAtTheEndIsHarmless) {
    make();
    // Something behind the last record that is none.
    std::uint64_t number = look().segments + 1, end = 0;
    while (end == 0) {
        std::ifstream file(segment(--number), std::ios::binary);
        const std::string content{std::istreambuf_iterator<char>(file), {}};
        const std::size_t used = content.find_last_not_of('\0');
        if (used != std::string::npos) end = (used / 8 + 2) * 8;
    }
    std::fstream file(segment(number), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(end));
    file << "half a record";
    file.close();
    const Inspection found = look();
    EXPECT_TRUE(found.sound()) << found.damages.front().what;
    ASSERT_FALSE(found.harmless.empty());
    EXPECT_NE(found.harmless.front().what.find("unfinished write"), std::string::npos);
}

TEST_F(InspectionTest, WhatIsMissingIsNamed) {
    make();
    fs::remove(segment(2));
    EXPECT_NE(first_damage().find(segment_name(2)), std::string::npos) << first_damage();
    EXPECT_NE(first_damage().find("missing"), std::string::npos) << first_damage();
}

TEST_F(InspectionTest, ADamagedBlockOfTheStateIsFound) {
    make();
    flip(table(), 100);
    const Inspection found = look();
    ASSERT_FALSE(found.sound());
    EXPECT_EQ(found.damages.front().file, "state/" + table().filename().string());
    EXPECT_TRUE(found.log) << "the log is sound";
}

TEST_F(InspectionTest, AStateWithoutItsTableCanNotBeOpened) {
    make();
    fs::remove(table());
    const Inspection found = look();
    ASSERT_FALSE(found.sound());
    EXPECT_FALSE(found.state);
    EXPECT_NE(found.damages.front().what.find("is damaged"), std::string::npos);
}

TEST_F(InspectionTest, ALogThatEndsBeforeTheStateDoesNotFitIt) {
    make();
    for (std::uint64_t number = 1; number <= 20; ++number) fs::remove(segment(number));
    const Inspection found = look();
    ASSERT_FALSE(found.sound());
    EXPECT_NE(found.damages.front().what.find("log files are missing"), std::string::npos)
        << found.damages.front().what;
}

TEST_F(InspectionTest, ADamagedIdentityDoesNotHideTheLog) {
    make();
    flip(path() + "/identity", 70);
    const Inspection found = look();
    ASSERT_EQ(found.damages.size(), 1u);
    EXPECT_EQ(found.damages.front().file, "identity");
    ASSERT_TRUE(found.log);
    EXPECT_EQ(found.log->last.index, LogIndex(40));
}

TEST_F(InspectionTest, WhatInterruptedStepsLeftIsHarmless) {
    make();
    fs::create_directory(path() + "/state-incoming");
    std::ofstream(path() + "/unfinished-spare") << "x";
    std::ofstream(path() + "/unfinished-recycled-seg-0000000000000001") << "x";
    std::ofstream(path() + "/state/flush.pending") << "x";
    const Inspection found = look();
    EXPECT_TRUE(found.sound());
    EXPECT_EQ(found.harmless.size(), 4u);
}

TEST_F(InspectionTest, AnEmptyDirectoryIsOne) {
    fs::create_directories(path());
    EXPECT_TRUE(look().empty());
    EXPECT_FALSE(open_disk_to_read(path() + "/none").ok());
}

// ---- a node that is rebuilt

TEST_F(InspectionTest, ANodeThatIsRebuiltHasItsTermRaisedOnce) {
    Identity rebuilt = identity();
    rebuilt.rejoin_at = LogIndex(9);
    rebuilt.rejoin_term = Term(7);
    const auto disk = open_posix_disk(path());
    ASSERT_TRUE(disk.ok());
    {
        const auto log = open_log(**disk, rebuilt, {.segment_bytes = 4096});
        ASSERT_TRUE(log.ok());
        EXPECT_EQ((*log)->recovered().hard_state, (HardState{Term(7), NodeId()}));
        ASSERT_TRUE((*log)->stage(HardState{Term(8), NodeId(1)}));
        (*log)->sync();
    }
    const auto log = open_log(**disk, rebuilt, {.segment_bytes = 4096});
    EXPECT_EQ((*log)->recovered().hard_state, (HardState{Term(8), NodeId(1)}));
}

// ---- one who goes on alone

TEST_F(InspectionTest, ASoleSurvivorRemovesAllOthersInATermOfItsOwn) {
    make();
    const Inspection before = look();
    const auto plan = plan_sole_survivor(before, 5);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_EQ(plan->end, LogIndex(40));
    EXPECT_EQ(plan->index, LogIndex(41) + kIncarnationGap) << "what was lost may have had revisions";
    EXPECT_EQ(plan->configuration.incarnation,
              (Incarnation{5, plan->index, Incarnation::Cause::recovered}));
    EXPECT_EQ(plan->term, Term(4));
    EXPECT_EQ(plan->configuration.removed, (std::vector{NodeId(1), NodeId(3)}));
    {
        const auto disk = open_posix_disk(path());
        const Status done = become_sole_survivor(**disk, before, *plan);
        ASSERT_TRUE(done.ok()) << done.error().message;
    }
    const Inspection after = look();
    EXPECT_TRUE(after.sound());
    EXPECT_EQ(after.log->last, (EntryId{plan->index, Term(4)}));
    EXPECT_EQ(after.log->hard_state, (HardState{Term(4), NodeId(2)}));
    ASSERT_TRUE(after.configuration());
    EXPECT_EQ(*after.configuration(), plan->configuration);
    EXPECT_EQ(after.configuration()->members.front().peer, "tcp://h:2");
}

TEST_F(InspectionTest, WhoWasRemovedIsNoSurvivor) {
    make();
    Inspection found = look();
    Configuration others = configuration_of({{NodeId(1), true, "tcp://h:1", "tcp://h:9"}});
    others.removed = {NodeId(2)};
    found.log->configurations = {{LogIndex(40), SharedBytes::own(encode_configuration(others))}};
    const auto plan = plan_sole_survivor(found, 5);
    ASSERT_FALSE(plan.ok());
    EXPECT_NE(plan.error().message.find("no member"), std::string::npos);
}

}  // namespace
}  // namespace raftbus
