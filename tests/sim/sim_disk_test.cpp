// What a simulated disk keeps of a burst that a crash, a kill or a failed sync interrupts.
#include "sim/sim_disk.hpp"

#include <gtest/gtest.h>

#include <set>

namespace raftbus::sim {
namespace {

using Work = SimDisk::Work;

constexpr Crash kCrashes[] = {Crash::keep_nothing, Crash::keep_all, Crash::keep_prefix,
                              Crash::keep_sectors};

Moment at(std::int64_t us) {
    return Moment(Duration(us));
}

// A disk on which every operation takes 10 us, and the file "f" of 16 dots.
struct Scene {
    Scene() {
        disk.replace("f", std::string(16, '.'));
        disk.set_pace([](Work, std::uint64_t) { return Duration(10); });
        disk.begin(at(100));
        file = disk.open("f");
    }
    void write(std::uint64_t offset, std::string_view bytes) { file->write(offset, {bytes}); }
    // What a reader sees now, and what no power loss takes.
    std::string content() const { return disk.content("f"); }
    std::string durable() const { return disk.durable("f"); }

    SimDisk disk;
    std::unique_ptr<DiskFile> file;
};

// ---- time

TEST(SimDiskTime, operations_follow_one_another) {
    Scene s;
    EXPECT_EQ(s.disk.busy_until(), at(100));
    s.write(0, "aa");
    EXPECT_EQ(s.disk.busy_until(), at(110));
    s.file->sync();
    s.file->read(0, 2);
    s.disk.create_file("g", 10);
    s.disk.remove("g");
    EXPECT_EQ(s.disk.busy_until(), at(150));
    s.disk.begin(at(120));
    EXPECT_EQ(s.disk.busy_until(), at(150)) << "still under way";
    s.disk.begin(at(200));
    EXPECT_EQ(s.disk.busy_until(), at(200));
}

TEST(SimDiskTime, the_pace_is_asked_once_for_each_operation_in_order) {
    SimDisk disk;
    std::vector<std::pair<Work, std::uint64_t>> asked;
    disk.set_pace([&](Work work, std::uint64_t bytes) {
        asked.emplace_back(work, bytes);
        return Duration(1);
    });
    const auto file = disk.create_file("f", 100);
    file->write(0, {"abc", "de"});
    file->write(5, {"f"});
    file->sync();
    file->read(98, 50);
    disk.replace("g", "1234");
    disk.remove("g");
    disk.set_room(0);
    disk.replace("g", "1234");
    const decltype(asked) expected = {{Work::create, 100}, {Work::write, 5}, {Work::write, 1},
                                      {Work::sync, 6},     {Work::read, 2},  {Work::replace, 4},
                                      {Work::remove, 4}};
    EXPECT_EQ(asked, expected);
}

TEST(SimDisk, what_is_appended_is_written_in_whole_blocks) {
    SimDisk disk;
    const auto file = disk.create_file("f", 1200);
    file->write(0, {std::string(1200, 'x')});
    file->append(0, {std::string(100, 'a'), std::string(50, 'b')});
    EXPECT_EQ(disk.content("f"), std::string(100, 'a') + std::string(50, 'b') +
                                     std::string(512 - 150, '\0') + std::string(1200 - 512, 'x'));
    file->append(150, {std::string(400, 'c')});
    EXPECT_EQ(disk.content("f").substr(100, 450), std::string(50, 'b') + std::string(400, 'c'));
    EXPECT_EQ(disk.content("f").substr(550), std::string(1024 - 550, '\0') + std::string(176, 'x'));
    file->append(1190, {std::string(5, 'd')});
    EXPECT_EQ(disk.content("f").substr(1190), std::string(5, 'd') + std::string(5, '\0'))
        << "the file ends inside a block";
}

TEST(SimDiskTime, a_hung_sync_ends_when_all_time_ends) {
    Scene s;
    s.disk.set_pace([](Work, std::uint64_t) { return Duration::max(); });
    s.write(0, "aa");
    s.file->sync();
    EXPECT_EQ(s.disk.busy_until(), Moment::max());
    s.disk.kill(at(100'000));
    EXPECT_EQ(s.disk.busy_until(), at(100'000));
}

// ---- a crash in the middle: write in [100, 110), sync in [110, 120)

TEST(SimDiskCrash, what_was_synced_by_then_stays) {
    for (Crash what : kCrashes) {
        Scene s;
        s.write(0, "aaaa");
        s.file->sync();
        s.write(0, "bb");
        s.disk.crash(at(120), what, 1);
        EXPECT_EQ(s.content(), "aaaa............") << "the second write had not begun";
    }
}

TEST(SimDiskCrash, what_would_have_begun_later_never_happened) {
    for (Crash what : kCrashes) {
        Scene s;
        s.write(0, "aaaa");
        s.file->sync();
        s.disk.create_file("g", 1);
        s.disk.remove("f");
        s.disk.replace("f", "new");
        s.disk.crash(at(100), what, 1);
        EXPECT_EQ(s.content(), std::string(16, '.'));
        EXPECT_EQ(s.disk.list(), std::vector<std::string>{"f"});
    }
}

TEST(SimDiskCrash, of_a_write_under_way_there_is_the_beginning) {
    Scene s;
    s.write(0, "aaaaaaaaaa");
    s.disk.crash(at(105), Crash::keep_all, 1);
    EXPECT_EQ(s.content(), "aaaaa...........");
}

TEST(SimDiskCrash, a_sync_under_way_has_made_durable_what_the_crash_draws) {
    std::set<std::string> found;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        Scene s;
        s.write(0, "aa");
        s.write(4, "bb");
        s.file->sync();
        s.disk.crash(at(125), Crash::keep_prefix, seed);
        found.insert(s.content());
    }
    EXPECT_EQ(found,
              (std::set<std::string>{"................", "a...............", "aa..............",
                                     "aa..b...........", "aa..bb.........."}));
}

TEST(SimDiskCrash, sectors_are_kept_whole_and_any_of_their_contents) {
    std::set<std::string> found;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SimDisk disk;
        const auto file = disk.create_file("f", 2 * SimFile::kSectorBytes);
        file->write(510, {"abcd"});
        file->write(512, {"ef"});
        disk.crash(Crash::keep_sectors, seed);
        found.insert(disk.content("f").substr(510, 4));
    }
    using namespace std::string_literals;
    EXPECT_EQ(found, (std::set<std::string>{"\0\0\0\0"s, "\0\0cd"s, "\0\0ef"s, "ab\0\0"s, "abcd"s,
                                            "abef"s}));
}

TEST(SimDiskCrash, names_change_or_they_do_not) {
    std::set<std::string> found;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Scene s;
        s.disk.replace("f", "new");
        s.disk.crash(at(101), Crash::keep_nothing, seed);
        found.insert(s.content());
    }
    EXPECT_EQ(found, (std::set<std::string>{"new", std::string(16, '.')}));
}

TEST(SimDiskCrash, the_same_seed_is_the_same_crash) {
    const auto crashed = [](std::uint64_t seed) {
        SimDisk disk;
        const auto file = disk.create_file("f", 1 << 16);
        for (std::uint64_t i = 0; i < 100; ++i)
            file->write(i * 600, {std::string(700, char('a' + i % 26))});
        disk.crash(Crash::keep_sectors, seed);
        return disk.content("f");
    };
    EXPECT_EQ(crashed(1), crashed(1));
    EXPECT_NE(crashed(1), crashed(2));
}

TEST(SimDiskCrash, room_comes_back_with_what_never_happened) {
    Scene s;
    s.disk.set_room(100);
    ASSERT_TRUE(s.disk.create_file("g", 60));
    EXPECT_FALSE(s.disk.create_file("h", 60));
    s.disk.kill(at(100));
    EXPECT_TRUE(s.disk.create_file("h", 100));
    s.disk.begin(s.disk.busy_until());
    s.disk.remove("h");
    s.disk.kill(at(110));
    EXPECT_FALSE(s.disk.create_file("i", 1)) << "h is there";
}

TEST(SimDiskCrash, a_recycled_file_goes_back_to_its_old_name_if_that_never_happened) {
    Scene s;
    s.write(0, "old");
    s.file->sync();
    s.disk.begin(s.disk.busy_until());
    const Moment before = s.disk.busy_until();
    s.disk.recycle("f");
    const auto reused = s.disk.create_file("g", s.file->size());
    EXPECT_EQ(reused->read(0, 3), "old") << "it holds what it held";
    reused->write(0, {"new"});
    s.disk.kill(before);
    EXPECT_EQ(s.disk.list(), std::vector<std::string>{"f"});
    EXPECT_EQ(s.disk.content("f").substr(0, 3), "old");
}

TEST(SimDiskCrash, what_was_recycled_is_gone_after_a_start) {
    Scene s;
    s.disk.recycle("f");
    s.disk.kill();
    EXPECT_EQ(s.disk.create_file("g", 16)->read(0, 16), std::string(16, '\0'));
}

// ---- the process alone

TEST(SimDiskKill, writes_stay_readable_and_no_more_durable_than_they_were) {
    Scene s;
    s.write(0, "aa");
    s.file->sync();
    s.write(4, "bbbbbbbbbb");
    s.write(0, "cc");
    s.disk.kill(at(125));
    EXPECT_EQ(s.content(), "aa..bbbbb.......");
    EXPECT_EQ(s.durable(), "aa..............");
    s.disk.open("f")->sync();
    s.disk.begin(at(200));
    EXPECT_EQ(s.durable(), "aa..bbbbb.......");
}

TEST(SimDiskKill, what_is_under_it_appears_where_a_write_is_taken_back) {
    Scene s;
    s.write(0, "aaaa");
    s.write(2, "bbbb");
    s.write(3, "cccc");
    s.disk.kill(at(110));
    EXPECT_EQ(s.content(), "aaaa............");
}

TEST(SimDiskKill, open_files_are_dead) {
    Scene s;
    s.disk.kill(at(150));
    EXPECT_THROW(s.write(0, "x"), DiskFailed);
    EXPECT_THROW(s.file->read(0, 1), DiskFailed);
    EXPECT_THROW(s.file->sync(), DiskFailed);
    EXPECT_EQ(s.disk.open("f")->read(0, 2), "..");
}

TEST(SimDiskKill, names_have_changed_from_the_middle_on) {
    for (int done : {0, 1}) {
        Scene s;
        s.disk.remove("f");
        s.disk.kill(at(done ? 105 : 104));
        EXPECT_EQ(s.disk.list().size(), done ? 0U : 1U);
    }
}

// ---- failed syncs

TEST(SimDiskFailedSync, everything_throws_until_the_process_is_dead) {
    Scene s;
    s.disk.fail_sync_after(1);
    s.write(0, "aa");
    s.file->sync();
    EXPECT_THROW(s.file->sync(), DiskFailed);
    EXPECT_THROW(s.file->sync(), DiskFailed);
    EXPECT_THROW(s.write(0, "x"), DiskFailed);
    EXPECT_THROW(s.disk.open("f"), DiskFailed);
    EXPECT_THROW(s.disk.create_file("g", 1), DiskFailed);
    EXPECT_THROW(s.disk.list(), DiskFailed);
    s.disk.kill();
    s.disk.open("f")->sync();
    EXPECT_EQ(s.disk.syncs(), 3U) << "what was refused is not counted";
}

TEST(SimDiskFailedSync, its_writes_count_as_clean_until_they_are_written_again) {
    Scene s;
    s.write(0, "aaaaaa");
    s.disk.fail_sync_after(0);
    EXPECT_THROW(s.file->sync(), DiskFailed);
    s.disk.kill();
    EXPECT_EQ(s.content(), "aaaaaa..........");

    const auto file = s.disk.open("f");
    file->sync();
    s.disk.begin(at(300));
    EXPECT_EQ(s.durable(), std::string(16, '.')) << "a later sync proves nothing";

    file->write(2, {"bb"});
    file->write(8, {"cc"});
    file->sync();
    s.disk.begin(at(400));
    EXPECT_EQ(s.durable(), "..bb....cc......") << "these alone were written again";
    s.disk.crash(Crash::keep_all);
    EXPECT_EQ(s.content(), "aabbaa..cc......") << "the rest may have reached the disk too";
}

TEST(SimDiskFailedSync, other_files_are_written_as_before) {
    Scene s;
    const auto other = s.disk.create_file("g", 2);
    other->write(0, {"gg"});
    s.write(0, "aa");
    s.disk.fail_sync_after(0);
    EXPECT_THROW(s.file->sync(), DiskFailed);
    s.disk.kill();
    s.disk.open("g")->sync();
    s.disk.begin(s.disk.busy_until());
    s.disk.crash(Crash::keep_nothing);
    EXPECT_EQ(s.disk.content("g"), "gg");
    EXPECT_EQ(s.content(), std::string(16, '.'));
}

TEST(SimDiskFailedSync, that_had_not_ended_has_lost_nothing) {
    Scene s;
    s.write(0, "aa");
    s.disk.fail_sync_after(0);
    EXPECT_THROW(s.file->sync(), DiskFailed);
    s.disk.kill(at(115));
    s.disk.open("f")->sync();
    s.disk.begin(at(300));
    EXPECT_EQ(s.durable(), "aa..............");
}

// ---- damage

TEST(SimDiskDamage, is_not_healed_by_what_is_still_to_be_synced) {
    Scene s;
    s.write(0, "aaaa");
    s.disk.flip_bit("f", 1, 1);
    s.disk.overwrite("f", 3, "xx");
    EXPECT_EQ(s.content(), "acaxx...........");
    s.file->sync();
    s.disk.begin(at(300));
    EXPECT_EQ(s.durable(), "acaxx...........");
}

}  // namespace
}  // namespace raftbus::sim
