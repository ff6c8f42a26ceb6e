// Segments whose files were older segments: what still stands in them is never taken for the log's.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

// A log of small segments whose oldest were dropped, so that the next ones are made of their files.
struct Worn : LogScene {
    Worn() : LogScene(1024) {
        options.keep_bytes = 2 * 1024;
        open();
        save(1, 1);
        write(40);
        log->compact(log->last().index, false);
    }

    // So many batches of one entry, each a group of its own.
    void write(int batches) {
        for (int i = 0; i < batches; ++i)
            append({make_batch(log->last().index.value + 1, 1, std::string(100, 'n'))});
    }
    std::uint64_t newest() { return *segment_number(disk.list().back()); }
    const std::string& content(std::uint64_t number) const {
        return disk.content(segment_name(number));
    }
    SegmentHeader header(std::uint64_t number) const {
        return **decode_segment_header(content(number));
    }
    // Goes on until a new segment has been begun in a recycled file; its number.
    std::uint64_t roll() {
        const std::uint64_t before = newest();
        while (newest() == before) write(1);
        return newest();
    }
    // Makes the newest file what a crash leaves of one that was recycled and never written to.
    void forget_newest() {
        const std::uint64_t number = newest();
        log.reset();
        disk.overwrite(segment_name(number), 0, encode_segment_header({id(1), 1024, false, {}, {}}));
        disk.overwrite(segment_name(number), kSegmentHeaderBytes,
                       std::string(1024 - kSegmentHeaderBytes, '\x17'));
    }
};

TEST(Recycled, a_dropped_segments_file_becomes_a_later_segment) {
    Worn scene;
    const std::uint64_t number = scene.roll();
    EXPECT_TRUE(scene.header(number).recycled);
    const std::uint64_t end = scene.record_offsets(number).back();
    EXPECT_NE(scene.content(number).find_first_not_of('\0', end), std::string::npos)
        << "behind the records stands what stood there";
    const std::vector<Batch> all = all_of(*scene.log);
    for (const Crash crash : {Crash::keep_nothing, Crash::keep_all}) {
        EXPECT_EQ(all_of(scene.crash_and_open(crash)), all);
        EXPECT_EQ(scene.log->recovered().torn_bytes, 0U) << "old bytes are no unfinished write";
    }
    scene.write(30);
    EXPECT_EQ(scene.crash_and_open().last().index.value, all.size() + scene.log->first().value + 29);
}

TEST(Recycled, all_is_wiped_behind_the_end_when_the_log_is_opened) {
    Worn scene;
    const std::uint64_t number = scene.roll();
    scene.crash_and_open();
    const std::uint64_t end = scene.record_offsets(number).back();
    EXPECT_EQ(scene.content(number).find_first_not_of('\0', end), std::string::npos);
}

TEST(Recycled, an_unfinished_group_is_cut_off_and_told) {
    Worn scene;
    const std::uint64_t number = scene.roll();
    const std::vector<Batch> all = all_of(*scene.log);
    const std::uint64_t next = scene.log->last().index.value + 1;
    const std::uint64_t torn = scene.record_offsets(number).back();
    ASSERT_TRUE(scene.log->stage(LogIndex(0), {make_batch(next, 1), make_batch(next + 1, 1)}));
    scene.log->sync();
    scene.disk.flip_bit(segment_name(number), torn, 0);  // the first record of the two
    scene.open();
    EXPECT_EQ(all_of(*scene.log), all);
    EXPECT_GT(scene.log->recovered().torn_bytes, 0U);
    EXPECT_LT(scene.log->recovered().torn_bytes, 1024U - torn) << "and no more than was unfinished";
}

TEST(Recycled, damage_before_the_last_group_is_refused_as_ever) {
    Worn scene;
    const std::uint64_t number = scene.roll();
    scene.write(2);
    scene.disk.flip_bit(segment_name(number), kSegmentHeaderBytes + 1, 0);
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("was written after this place was synced"),
              std::string::npos);
}

TEST(Recycled, one_that_was_never_written_to_is_begun_anew) {
    Worn scene;
    const std::uint64_t number = scene.roll();
    const std::vector<Batch> all = all_of(*scene.log);
    const auto in_newest = static_cast<std::ptrdiff_t>(scene.record_offsets(number).size()) - 1;
    scene.forget_newest();
    ASSERT_TRUE(scene.try_open().ok()) << scene.try_open().error().message;
    EXPECT_EQ(all_of(*scene.log), std::vector<Batch>(all.begin(), all.end() - in_newest));
    EXPECT_EQ(scene.log->recovered().torn_bytes, 0U);
    EXPECT_EQ(scene.header(number).id.number, number);
    scene.write(1);
    EXPECT_EQ(scene.crash_and_open().last().index.value, all.back().header.first.value);
}

TEST(Recycled, an_old_header_before_records_that_were_durable_is_damage) {
    Worn scene;
    const std::uint64_t number = scene.roll();
    scene.write(2);
    const std::string records = scene.content(number).substr(kSegmentHeaderBytes);
    scene.forget_newest();
    scene.disk.overwrite(segment_name(number), kSegmentHeaderBytes, records);
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("header is damaged"), std::string::npos)
        << opened.error().message;
}

TEST(Recycled, the_copy_of_a_segment_that_is_there_is_no_recycled_one) {
    Worn scene;
    const std::uint64_t number = scene.roll();
    scene.log.reset();
    scene.disk.overwrite(segment_name(number), 0, scene.content(number - 1));
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("under another name"), std::string::npos);
}

TEST(Recycled, a_segment_of_another_size_is_not_kept) {
    Worn scene;
    scene.append({make_batch(scene.log->last().index.value + 1, 1, std::string(5000, 'l'))});
    scene.write(30);
    scene.log->compact(scene.log->last().index, false);
    scene.write(30);
    for (const std::string& name : scene.disk.list())
        EXPECT_EQ(scene.disk.content(name).size(), 1024U) << name;
}

}  // namespace
}  // namespace raftbus::testing
