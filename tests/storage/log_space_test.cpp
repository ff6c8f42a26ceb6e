// A full disk (reliability P5): refused, never torn; hard states go on; always bootable.
#include <gtest/gtest.h>

#include "storage/log_writer.hpp"
#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

// Appends until the log refuses; returns the last index that it took.
std::uint64_t fill_up(LogScene& scene, std::uint64_t next = 1) {
    while (scene.log->stage(LogIndex(0), {make_batch(next, 1, std::string(100, 'f'))})) {
        scene.log->sync();
        ++next;
    }
    return next - 1;
}

TEST(FullDisk, a_new_log_says_what_it_lacks) {
    LogScene scene;
    scene.disk.set_room(100);
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("no room"), std::string::npos);
    EXPECT_TRUE(scene.disk.list().empty());
    scene.disk.set_room(10'000);
    EXPECT_TRUE(scene.try_open().ok());
}

TEST(FullDisk, a_refused_append_leaves_the_log_as_it_was) {
    LogScene scene;
    scene.open();
    scene.disk.set_room(0);
    const std::uint64_t last = fill_up(scene);
    ASSERT_GT(last, 5U);
    std::vector<Batch> many;
    for (std::uint64_t i = last + 1; i < last + 100; ++i) many.push_back(make_batch(i, 1));
    EXPECT_FALSE(scene.log->stage(LogIndex(0), many)) << "whole or not at all";
    EXPECT_EQ(scene.log->last().index.value, last);
    EXPECT_EQ(all_of(*scene.log).size(), last) << "reads go on";
    EXPECT_EQ(scene.crash_and_open().last().index.value, last);
}

TEST(FullDisk, hard_states_and_cuts_still_fit) {
    LogScene scene;
    scene.open();
    scene.disk.set_room(0);
    const std::uint64_t last = fill_up(scene);
    for (std::uint64_t term = 2; term < 12; ++term) scene.save(term, 1);
    ASSERT_TRUE(scene.log->stage(LogIndex(last), {}));
    scene.log->sync();
    Log& log = scene.crash_and_open();
    EXPECT_EQ(log.recovered().hard_state, (HardState{Term(11), NodeId(1)}));
    EXPECT_EQ(log.last().index.value, last - 1);
}

// Raft §8: without its first entry a new leader can not answer reads.
TEST(FullDisk, what_leaders_write_for_themselves_still_fits) {
    LogScene scene(16 << 10);
    scene.open();
    scene.disk.set_room(0);
    const std::uint64_t last = fill_up(scene);
    Batch no_op = make_batch(last + 1, 2);
    no_op.header.kind = BatchKind::no_op;
    EXPECT_FALSE(scene.log->stage(LogIndex(0), {make_batch(last + 1, 2, std::string(100, 'f'))}))
        << "a client's";
    ASSERT_TRUE(scene.log->stage(LogIndex(0), {no_op}));
    scene.log->sync();
    EXPECT_EQ(scene.crash_and_open().last().index.value, last + 1);
    std::uint64_t end = last + 1;
    for (bool fits = true; fits; end += fits) {
        no_op.header.first = LogIndex(end + 1);
        fits = scene.log->stage(LogIndex(0), {no_op});
    }
    scene.log->sync();
    EXPECT_TRUE(scene.log->stage(HardState{Term(9), NodeId(1)}))
        << "that still has room of its own";
}

TEST(FullDisk, the_default_reserve_lasts_for_a_thousand_elections) {
    LogScene scene(1 << 20);
    scene.open();
    scene.disk.set_room(0);
    fill_up(scene);
    std::uint64_t saved = 0;
    while (scene.log->stage(HardState{Term(saved + 2), NodeId(1)})) {
        scene.log->sync();
        scene.log->seal();
        ++saved;
    }
    EXPECT_GT(saved, 1000U);
    EXPECT_EQ(scene.crash_and_open().recovered().hard_state.term.value, saved + 1);
    EXPECT_FALSE(scene.log->stage(HardState{Term(saved + 2), NodeId(1)})) << "still full";
    scene.disk.set_room(4 << 20);
    EXPECT_TRUE(scene.log->stage(HardState{Term(saved + 2), NodeId(1)})) << "room came back";
}

TEST(FullDisk, room_that_comes_back_is_used) {
    LogScene scene;
    scene.open();
    scene.disk.set_room(0);
    const std::uint64_t last = fill_up(scene);
    scene.disk.set_room(2 * scene.options.segment_bytes);
    EXPECT_GT(fill_up(scene, last + 1), last + 20);
}

TEST(FullDisk, bootable_whatever_room_there_is_at_whatever_step) {
    for (std::uint64_t room = 0; room < 10'000; room += 500) {
        LogScene scene(1024);
        scene.open();
        scene.disk.set_room(room);
        std::uint64_t next = 1;
        for (int step = 0; step < 30; ++step) {
            std::vector<Batch> batches;
            for (std::uint64_t i = 0; i < 5; ++i)
                batches.push_back(make_batch(next + i, 1, std::string(90 * i, 'p')));
            if (scene.log->stage(LogIndex(0), batches)) next += 5;
            scene.log->sync();
            scene.disk.set_room(0);
            scene.crash_and_open(Crash::keep_sectors, room + step);
            ASSERT_EQ(scene.log->last().index.value, next - 1);
            scene.disk.set_room(room);
        }
        if (room >= 2 * scene.options.segment_bytes) {
            EXPECT_GT(next, 100U);
        }
    }
}

}  // namespace
}  // namespace raftbus::testing
