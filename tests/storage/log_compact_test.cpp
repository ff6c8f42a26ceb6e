// The log's beginning: what a flush made needless is dropped, and a snapshot takes the place of
// all.
#include <gtest/gtest.h>

#include <algorithm>

#include "storage/log.hpp"
#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

EntryId entry(std::uint64_t index, std::uint64_t term) {
    return {LogIndex(index), Term(term)};
}

// A log of small segments, with entries 1 to `last` of term 1.
struct Filled : LogScene {
    explicit Filled(std::uint64_t last) : LogScene(1024) {
        options.keep_bytes = 2 * 1024;
        open();
        save(1, 1);
        for (std::uint64_t i = 1; i <= last; ++i) append({make_batch(i, 1)});
    }
};

TEST(Compaction, drops_whole_segments_below_what_is_flushed) {
    Filled scene(100);
    const std::size_t files = scene.disk.list().size();
    scene.log->compact(LogIndex(50), false);
    const LogIndex first = scene.log->first();
    EXPECT_GT(first, LogIndex(1));
    EXPECT_LE(first, LogIndex(51)) << "nothing that is not flushed";
    EXPECT_LT(scene.disk.list().size(), files);
    EXPECT_TRUE(scene.log->read(first.previous(), 0).empty());
    EXPECT_EQ(scene.log->read(first, 0).size(), 1U);

    const std::vector<Batch> kept = all_of(*scene.log);
    Log& log = scene.crash_and_open();
    EXPECT_EQ(log.first(), first);
    EXPECT_EQ(log.recovered().before_first, entry(first.value - 1, 1));
    EXPECT_EQ(log.recovered().hard_state, (HardState{Term(1), NodeId(1)}));
    EXPECT_EQ(all_of(log), kept);
}

TEST(Compaction, keeps_a_tail_by_bytes_and_by_entries) {
    Filled scene(100);
    scene.log->compact(LogIndex(100), false);
    EXPECT_LT(scene.log->first(), LogIndex(90)) << "two segments are kept";
    EXPECT_GT(scene.log->first(), LogIndex(40)) << "and no more";

    LogScene other(1024);
    other.options.keep_entries = 30;
    other.open();
    for (std::uint64_t i = 1; i <= 100; ++i) other.append({make_batch(i, 1)});
    other.log->compact(LogIndex(100), false);
    EXPECT_GT(other.log->first(), LogIndex(70));
    other.log->compact(LogIndex(100), false);
    EXPECT_LT(other.log->first(), LogIndex(100)) << "the present segment stays";
}

TEST(Compaction, on_demand_nothing_is_kept) {
    Filled scene(10);
    scene.log->compact(LogIndex(10), true);
    EXPECT_EQ(scene.log->first(), LogIndex(11));
    EXPECT_EQ(scene.log->last(), entry(10, 1));
    Log& log = scene.crash_and_open();
    EXPECT_EQ(log.last(), entry(10, 1));
    EXPECT_EQ(log.first(), LogIndex(11));
    scene.append({make_batch(11, 2)});
    EXPECT_EQ(scene.crash_and_open().last(), entry(11, 2));
}

// Plays `deed` on a disk that takes a millisecond for everything, has the power fail after
// `half_ms` halves of one, and opens the log again. False: it was all over by then.
template <class Deed>
bool interrupted(LogScene& scene, int half_ms, Crash crash, Deed deed) {
    const Moment begin = scene.disk.busy_until();
    scene.disk.set_pace([](SimDisk::Work, std::uint64_t) { return Duration(1000); });
    scene.disk.begin(begin);
    deed(*scene.log);
    const Moment at = begin + half_ms * Duration(500);
    const bool early = at < scene.disk.busy_until();
    scene.log.reset();
    scene.disk.crash(at, crash, static_cast<std::uint64_t>(half_ms));
    scene.open();
    return early;
}

TEST(Compaction, a_crash_at_any_step_leaves_a_log_that_opens) {
    for (const Crash crash : {Crash::keep_nothing, Crash::keep_all})
        for (int step = 0;; ++step) {
            Filled scene(100);
            const std::vector<Batch> all = all_of(*scene.log);
            const bool early =
                interrupted(scene, step, crash, [](Log& log) { log.compact(LogIndex(100), true); });
            const LogIndex first = scene.log->first();
            ASSERT_EQ(scene.log->last(), entry(100, 1)) << step;
            const std::vector<Batch> kept = all_of(*scene.log);
            ASSERT_EQ(kept.size(), 101 - first.value);
            EXPECT_TRUE(std::equal(kept.rbegin(), kept.rend(), all.rbegin()));
            if (early) continue;
            EXPECT_EQ(first, LogIndex(101));
            EXPECT_GT(step, 10);
            break;
        }
}

// A later segment cut what a dropped one held: the oldest that is kept begins behind that cut.
TEST(Compaction, a_cut_that_reached_into_what_is_dropped) {
    Filled scene(60);
    ASSERT_TRUE(scene.log->stage(LogIndex(41), {make_batch(41, 2, "newer")}));
    scene.log->sync();
    for (std::uint64_t i = 42; i <= 100; ++i) scene.append({make_batch(i, 2)});
    for (std::uint64_t flushed = 40; flushed <= 100; ++flushed) {
        scene.log->compact(LogIndex(flushed), false);
        const std::vector<Batch> kept = all_of(*scene.log);
        const LogIndex first = scene.log->first();
        ASSERT_LE(first, LogIndex(flushed + 1));
        Log& log = scene.crash_and_open();
        EXPECT_EQ(log.first(), first);
        EXPECT_EQ(all_of(log), kept);
        if (first > LogIndex(41)) {
            EXPECT_EQ(log.recovered().before_first.term, Term(2));
        }
    }
    EXPECT_GT(scene.log->first(), LogIndex(41));
}

TEST(Restart, a_snapshot_takes_the_place_of_the_log) {
    Filled scene(60);
    ASSERT_TRUE(scene.log->restart_after(entry(500, 7)));
    EXPECT_EQ(scene.log->last(), entry(500, 7));
    EXPECT_EQ(scene.log->first(), LogIndex(501));
    Log& log = scene.crash_and_open();
    EXPECT_EQ(log.last(), entry(500, 7));
    EXPECT_EQ(log.recovered().before_first, entry(500, 7));
    EXPECT_EQ(log.recovered().hard_state.term, Term(7)) << "never below the log's last";
    scene.append({make_batch(501, 7)});
    EXPECT_EQ(scene.crash_and_open().last(), entry(501, 7));
}

Batch at_time(std::uint64_t index, std::uint64_t time) {
    Batch batch = make_batch(index, 1);
    batch.header.time = WallTime(static_cast<std::int64_t>(time));
    return batch;
}

// A node that leads goes on from this time: one of entries that are gone ends keys too early.
TEST(NewestTime, is_that_of_the_entries_that_are_left) {
    LogScene scene(1024);
    scene.open();
    scene.save(1, 1);
    for (std::uint64_t i = 1; i <= 40; ++i) scene.append({at_time(i, 1000 + i)});
    scene.append({at_time(41, 900)});  // an older leader's clock was behind
    EXPECT_EQ(scene.crash_and_open().recovered().newest_time, WallTime(1040));
    ASSERT_TRUE(scene.log->stage(LogIndex(31), {}));
    scene.log->sync();
    EXPECT_EQ(scene.crash_and_open().recovered().newest_time, WallTime(1030)) << "a cut suffix";
    scene.append({at_time(31, 1031)});
    EXPECT_EQ(scene.crash_and_open().recovered().newest_time, WallTime(1031));
    ASSERT_TRUE(scene.log->restart_after(entry(500, 7)));
    EXPECT_EQ(scene.crash_and_open().recovered().newest_time, WallTime(0)) << "a restarted log";
    Batch next = at_time(501, 20);
    next.header.term = Term(7);
    scene.append({next});
    EXPECT_EQ(scene.crash_and_open().recovered().newest_time, WallTime(20));
}

TEST(Restart, is_atomic) {
    bool before = false;
    for (int step = 0;; ++step) {
        Filled scene(60);
        const bool early = interrupted(scene, step, Crash::keep_nothing, [](Log& log) {
            ASSERT_TRUE(log.restart_after(entry(500, 7)));
        });
        const EntryId last = scene.log->last();
        before = before || last == entry(60, 1);
        ASSERT_TRUE(last == entry(60, 1) || last == entry(500, 7)) << last.index.value;
        if (early) continue;
        EXPECT_EQ(last, entry(500, 7));
        break;
    }
    EXPECT_TRUE(before);
}

TEST(Restart, a_disk_without_room_refuses_and_keeps_the_log) {
    Filled scene(60);
    scene.disk.set_room(0);
    EXPECT_FALSE(scene.log->restart_after(entry(500, 7)));
    EXPECT_EQ(scene.log->last(), entry(60, 1));
    scene.save(2, 0);
    EXPECT_EQ(scene.crash_and_open().last(), entry(60, 1));
}

}  // namespace
}  // namespace raftbus::testing
