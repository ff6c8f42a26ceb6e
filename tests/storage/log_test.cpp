// The log as its users see it: what is appended is there, after every restart too.
#include "storage/log.hpp"

#include <gtest/gtest.h>

#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

TEST(LogTest, a_new_log_is_empty) {
    LogScene scene;
    const Log& log = scene.open();
    EXPECT_EQ(log.last(), EntryId{});
    EXPECT_EQ(log.first(), LogIndex(1));
    EXPECT_EQ(log.recovered().hard_state, HardState{});
    EXPECT_TRUE(log.recovered().term_starts.empty());
    EXPECT_EQ(log.recovered().torn_bytes, 0U);
}

TEST(LogTest, batches_come_back_after_a_crash_with_headers_and_bodies) {
    LogScene scene;
    scene.open();
    const std::vector<Batch> batches{make_batch(1, 1, ""), make_batch(2, 1, "three of them", 3),
                                     make_batch(5, 4, std::string(100, 'x'))};
    scene.append(batches);
    Log& log = scene.crash_and_open();
    EXPECT_EQ(all_of(log), batches);
    EXPECT_EQ(log.last(), (EntryId{LogIndex(5), Term(4)}));
    const std::vector<EntryId> starts{{LogIndex(1), Term(1)}, {LogIndex(5), Term(4)}};
    EXPECT_EQ(log.recovered().term_starts, starts);
}

TEST(LogTest, an_orderly_stop_leaves_how_far_the_state_had_come) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1), make_batch(2, 1), make_batch(3, 2)});
    EXPECT_EQ(scene.log->recovered().committed, EntryId());
    scene.log->note_applied({LogIndex(2), Term(1)});
    EXPECT_EQ(scene.open().recovered().committed, (EntryId{LogIndex(2), Term(1)}));
    scene.log->note_applied({LogIndex(3), Term(2)});
    EXPECT_EQ(scene.crash_and_open().recovered().committed, (EntryId{LogIndex(3), Term(2)}));
}

// What the log does not hold says nothing about it, and neither does what was damaged.
TEST(LogTest, a_mark_of_another_entry_or_a_damaged_one_is_not_believed) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1), make_batch(2, 1), make_batch(3, 1)});
    scene.log->note_applied({LogIndex(3), Term(1)});
    ASSERT_TRUE(scene.log->stage(LogIndex(3), {make_batch(3, 2)}));
    scene.log->sync();
    EXPECT_EQ(scene.open().recovered().committed, EntryId()) << "another term's entry";
    scene.log->note_applied({LogIndex(3), Term(2)});
    std::string text = scene.disk.open("applied")->read(0, 1000);
    text[text.find("index=3") + 6] = '2';
    ASSERT_TRUE(scene.disk.replace("applied", text));
    EXPECT_EQ(scene.open().recovered().committed, EntryId()) << "damaged";
}

TEST(LogTest, what_was_only_staged_is_gone_after_a_crash) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1)});
    ASSERT_TRUE(scene.log->stage(LogIndex(0), {make_batch(2, 1)}));
    EXPECT_EQ(scene.log->last().index, LogIndex(2));
    EXPECT_EQ(scene.crash_and_open().last().index, LogIndex(1));
}

TEST(LogTest, recovery_finds_the_configurations_that_are_left) {
    LogScene scene;
    scene.open();
    const auto config = [](std::uint64_t index, std::uint64_t term, std::string body) {
        Batch batch = make_batch(index, term, std::move(body));
        batch.header.kind = BatchKind::config;
        return batch;
    };
    scene.append({make_batch(1, 1), config(2, 1, "first"), make_batch(3, 1), config(4, 1, "cut")});
    ASSERT_TRUE(scene.log->stage(LogIndex(4), {make_batch(4, 2), config(5, 2, "second")}));
    scene.log->sync();
    const Log& log = scene.crash_and_open();
    const std::vector<StoredConfiguration> left{{LogIndex(2), SharedBytes::copy("first")},
                                                {LogIndex(5), SharedBytes::copy("second")}};
    EXPECT_EQ(log.recovered().configurations, left);
}

TEST(LogTest, one_sync_for_all_that_was_staged) {
    LogScene scene;
    scene.open();
    const std::uint64_t before = scene.disk.syncs();
    ASSERT_TRUE(scene.log->stage(HardState{Term(2), NodeId(3)}));
    for (std::uint64_t i = 1; i <= 10; ++i)
        ASSERT_TRUE(scene.log->stage(LogIndex(0), {make_batch(i, 2)}));
    scene.log->sync();
    EXPECT_EQ(scene.disk.syncs(), before + 1);
    scene.log->sync();
    EXPECT_EQ(scene.disk.syncs(), before + 1) << "nothing was staged";
}

// Notes how the log wants the segments that are to come.
class NotedDisk final : public SimDisk {
public:
    void prepare_file(std::uint64_t, Blocks blocks) override { wanted.push_back(blocks); }
    std::vector<Blocks> wanted;
};

TEST(LogTest, segments_for_large_syncs_are_only_reserved) {
    NotedDisk disk;
    const auto log = std::move(Log::open(disk, {.identity = 1, .segment_bytes = 1 << 20}).value());
    std::uint64_t next = 1;
    const auto fill = [&](std::size_t bytes) {  // goes on until it has been in two new segments
        const std::size_t before = disk.wanted.size();
        while (disk.wanted.size() < before + 2) {
            ASSERT_TRUE(log->stage(LogIndex(0), {make_batch(next++, 1, std::string(bytes, 'x'))}));
            log->sync();
        }
    };
    fill(20'000);
    EXPECT_EQ(disk.wanted.back(), Blocks::written);
    fill(200'000);
    EXPECT_EQ(disk.wanted.back(), Blocks::reserved);
    fill(20'000);
    EXPECT_EQ(disk.wanted.back(), Blocks::written);
}

TEST(LogTest, a_cut_forgets_a_suffix_for_good) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1), make_batch(2, 1), make_batch(3, 1)});
    ASSERT_TRUE(scene.log->stage(LogIndex(2), {make_batch(2, 5, "newer")}));
    scene.log->sync();
    const std::vector<Batch> expected{make_batch(1, 1), make_batch(2, 5, "newer")};
    EXPECT_EQ(all_of(*scene.log), expected);
    EXPECT_EQ(all_of(scene.crash_and_open()), expected);
    ASSERT_TRUE(scene.log->stage(LogIndex(1), {}));
    scene.log->sync();
    EXPECT_EQ(scene.crash_and_open().last(), EntryId{});
}

TEST(LogTest, the_hard_state_is_the_last_one_saved) {
    LogScene scene;
    scene.open();
    scene.save(3, 0);
    scene.save(3, 2);
    EXPECT_EQ(scene.crash_and_open().recovered().hard_state, (HardState{Term(3), NodeId(2)}));
}

TEST(LogTest, the_recovered_term_is_never_below_the_last_entrys) {
    LogScene scene;
    scene.open();
    scene.save(3, 2);
    scene.append({make_batch(1, 7)});
    EXPECT_EQ(scene.crash_and_open().recovered().hard_state, (HardState{Term(7), NodeId(0)}));
    scene.save(7, 1);
    EXPECT_EQ(scene.crash_and_open().recovered().hard_state, (HardState{Term(7), NodeId(1)}));
}

TEST(LogTest, term_and_vote_never_go_back) {
    LogScene scene;
    scene.open();
    scene.save(3, 2);
    EXPECT_THROW(scene.save(2, 2), CheckFailed);
    EXPECT_THROW(scene.save(3, 1), CheckFailed);
}

TEST(LogTest, batches_must_follow_the_end) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 2, "b", 3)});
    EXPECT_THROW(scene.append({make_batch(5, 2)}), CheckFailed);
    EXPECT_THROW(scene.append({make_batch(3, 2)}), CheckFailed);
    EXPECT_THROW(scene.append({make_batch(4, 1)}), CheckFailed);
    EXPECT_THROW((void)scene.log->stage(LogIndex(2), {}), CheckFailed) << "inside a batch";
}

TEST(LogTest, reads_start_at_the_batch_that_holds_the_index) {
    LogScene scene(1024);
    scene.open();
    std::vector<Batch> batches;
    for (std::uint64_t first = 1; first < 300; first += 3)
        batches.push_back(make_batch(first, 1, "body " + std::to_string(first), 3));
    for (const Batch& batch : batches) scene.append({batch});
    ASSERT_GT(scene.disk.list().size(), 2U) << "over several segments";
    for (std::uint64_t index = 1; index <= 300; ++index) {
        const auto read = scene.log->read(LogIndex(index), 0);
        ASSERT_EQ(read.size(), 1U);
        EXPECT_EQ(read[0], batches[(index - 1) / 3]);
    }
    EXPECT_TRUE(scene.log->read(LogIndex(301), 100).empty());
    EXPECT_TRUE(scene.log->read(LogIndex(0), 100).empty());
    EXPECT_EQ(scene.log->read(LogIndex(1), 3 * batches[0].bytes() - 1).size(), 3U);
    EXPECT_EQ(all_of(*scene.log), batches);
}

TEST(LogTest, a_batch_that_rots_is_not_handed_out) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1)});
    scene.disk.flip_bit(segment_name(1), kSegmentHeaderBytes + kRecordHeaderBytes + 8, 3);
    EXPECT_THROW(all_of(*scene.log), DiskFailed);
}

TEST(LogTest, many_segments_and_a_group_over_several_of_them) {
    LogScene scene(1024);
    scene.open();
    std::vector<Batch> batches;
    for (std::uint64_t i = 1; i <= 40; ++i)
        batches.push_back(make_batch(i, i / 10 + 1, std::string(200, 'v')));
    ASSERT_TRUE(scene.log->stage(HardState{Term(9), NodeId(2)}));
    scene.append(batches);
    EXPECT_GE(scene.disk.list().size(), 10U);
    EXPECT_EQ(all_of(*scene.log), batches);
    Log& log = scene.crash_and_open();
    EXPECT_EQ(all_of(log), batches);
    EXPECT_EQ(log.recovered().hard_state, (HardState{Term(9), NodeId(2)}));
}

TEST(LogTest, a_record_larger_than_a_segment_gets_one_of_its_own_size) {
    LogScene scene(1024);
    scene.open();
    const std::vector<Batch> batches{make_batch(1, 1), make_batch(2, 1, std::string(20'000, 'L')),
                                     make_batch(3, 1), make_batch(4, 1, std::string(50'000, 'M'))};
    scene.append(batches);
    EXPECT_EQ(all_of(scene.crash_and_open()), batches);
    scene.append({make_batch(5, 1, std::string(30'000, 'N'))});
    EXPECT_EQ(scene.crash_and_open().last().index, LogIndex(5));
}

TEST(LogTest, what_a_killed_process_wrote_is_durable_before_it_is_reported) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1)});
    scene.disk.fail_sync_after(0);
    EXPECT_THROW(scene.append({make_batch(2, 1)}), DiskFailed);
    scene.disk.kill();
    EXPECT_EQ(scene.open().last().index, LogIndex(2)) << "still in the cache";
    EXPECT_EQ(scene.crash_and_open().last().index, LogIndex(2));
}

TEST(LogTest, sealing_costs_no_sync_and_happens_once) {
    LogScene scene;
    scene.open();
    scene.append({make_batch(1, 1)});
    const std::uint64_t syncs = scene.disk.syncs();
    scene.log->seal();
    const std::string sealed = scene.disk.content(segment_name(1));
    scene.log->seal();
    EXPECT_EQ(scene.disk.content(segment_name(1)), sealed);
    EXPECT_EQ(scene.disk.syncs(), syncs);
    scene.open().seal();
    EXPECT_EQ(scene.disk.content(segment_name(1)), sealed) << "restarts add nothing";
    scene.append({make_batch(2, 1)});
    EXPECT_EQ(scene.crash_and_open().last().index, LogIndex(2));
}

}  // namespace
}  // namespace raftbus::testing
