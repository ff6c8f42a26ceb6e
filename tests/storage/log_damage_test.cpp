// Torn or rotten (reliability D1–D3): what an unfinished write leaves is cut off, and what had been
// durable is never given up silently.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

bool is_prefix(const std::vector<Batch>& part, const std::vector<Batch>& whole) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

// Two groups of batches, and where the second one starts and ends.
struct TwoGroups {
    explicit TwoGroups(LogScene& scene) {
        scene.open();
        scene.save(1, 1);
        scene.append(first);
        begin = scene.record_offsets(1).back();
        std::vector<Batch> second{make_batch(3, 2, std::string(70, 'c')), make_batch(4, 2, "d", 2),
                                  make_batch(6, 2, std::string(33, 'e'))};
        scene.append(second);
        end = scene.record_offsets(1).back();
        all = first;
        all.insert(all.end(), second.begin(), second.end());
    }
    std::vector<Batch> first{make_batch(1, 1, "a"), make_batch(2, 1, "b")};
    std::vector<Batch> all;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

// Opens what is left, which must hold all of the first group and part of the second, and goes on.
void expect_cut_off(LogScene& scene, const TwoGroups& groups, std::uint64_t at) {
    const auto opened = scene.try_open();
    ASSERT_TRUE(opened.ok()) << "at " << at << ": " << opened.error().message;
    const auto found = all_of(*scene.log);
    EXPECT_TRUE(is_prefix(groups.first, found)) << "at " << at;
    EXPECT_TRUE(is_prefix(found, groups.all)) << "at " << at;
    EXPECT_EQ(scene.log->recovered().hard_state.vote,
              found.back().header.term == Term(1) ? NodeId(1) : NodeId(0));
    const Batch next = make_batch(found.back().header.end().value, 3, "after the cut");
    scene.append({next});
    EXPECT_EQ(all_of(scene.crash_and_open()).back(), next) << "at " << at;
    EXPECT_EQ(scene.log->recovered().torn_bytes, 0U) << "at " << at;
}

TEST(TornWrite, zeros_from_any_byte_of_the_last_group_on) {
    LogScene probe;
    const TwoGroups groups(probe);
    for (std::uint64_t at = groups.begin; at < groups.end; ++at) {
        LogScene scene;
        const TwoGroups same(scene);
        scene.disk.overwrite(segment_name(1), at, std::string(groups.end - at, '\0'));
        expect_cut_off(scene, groups, at);
    }
}

TEST(TornWrite, garbage_from_any_byte_of_the_last_group_on) {
    LogScene probe;
    const TwoGroups groups(probe);
    for (std::uint64_t at = groups.begin; at < groups.end; ++at) {
        LogScene scene;
        const TwoGroups same(scene);
        std::string garbage;
        for (Random random(at); garbage.size() < 700;)
            garbage.push_back(static_cast<char>(random.below(256)));
        scene.disk.overwrite(segment_name(1), at, garbage);
        expect_cut_off(scene, groups, at);
        EXPECT_FALSE(::testing::Test::HasFatalFailure());
    }
}

TEST(TornWrite, a_hole_at_any_byte_of_the_last_group) {
    LogScene probe;
    const TwoGroups groups(probe);
    for (std::uint64_t at = groups.begin; at < groups.end; ++at) {
        LogScene scene;
        const TwoGroups same(scene);
        scene.disk.flip_bit(segment_name(1), at, static_cast<int>(at % 8));
        expect_cut_off(scene, groups, at);
    }
}

TEST(TornWrite, what_was_cut_off_never_comes_back) {
    LogScene scene;
    const TwoGroups groups(scene);
    scene.disk.flip_bit(segment_name(1), groups.begin, 0);
    scene.open();
    EXPECT_EQ(all_of(*scene.log), groups.first);
    EXPECT_GT(scene.log->recovered().torn_bytes, 0U);
    const std::string& content = scene.disk.content(segment_name(1));
    EXPECT_EQ(content.find_first_not_of('\0', groups.begin), std::string::npos);
}

TEST(TornWrite, at_any_byte_of_a_group_that_began_a_segment) {
    for (std::uint64_t at = 0;; ++at) {
        LogScene scene(1024);
        scene.open();
        std::vector<Batch> before;
        while (scene.disk.list().size() < 2) {
            before.push_back(make_batch(before.size() + 1, 1, std::string(100, 'q')));
            scene.append({before.back()});
        }
        const Batch torn = before.back();
        before.pop_back();
        const std::uint64_t end = scene.record_offsets(2).back();
        if (at == end) break;
        scene.disk.overwrite(segment_name(2), at, std::string(end - at, '\xee'));
        ASSERT_TRUE(scene.try_open().ok()) << "at " << at;
        EXPECT_EQ(all_of(*scene.log), before) << "at " << at;
        const std::string& left = scene.disk.content(segment_name(2));
        EXPECT_EQ(left.find_first_not_of('\0', kSegmentHeaderBytes), std::string::npos);
        scene.append({torn});
        EXPECT_EQ(scene.crash_and_open().last().index.value, before.size() + 1) << "at " << at;
    }
}

// Several segments with groups of all kinds, at the end sealed.
void fill(LogScene& scene) {
    scene.open();
    scene.save(1, 2);
    std::uint64_t next = 1;
    for (int round = 0; round < 12; ++round) {
        for (int i = 0; i < 2; ++i, ++next)
            ASSERT_TRUE(scene.log->stage(LogIndex(0), {make_batch(next, 1, std::string(40, 'r'))}));
        scene.log->sync();
        if (round % 3 == 0) {
            ASSERT_TRUE(scene.log->stage(LogIndex(--next), {}));
            scene.log->sync();
        }
        if (round % 4 == 0) scene.log->seal();
    }
    scene.log->seal();
}

TEST(Rot, a_flipped_bit_at_any_byte_before_a_seal_is_refused) {
    LogScene scene(1024);
    fill(scene);
    const std::vector<std::string> names = scene.disk.list();
    ASSERT_GE(names.size(), 3U);
    for (std::uint64_t number = 1; number <= names.size(); ++number) {
        const std::string name = segment_name(number);
        const auto offsets = scene.record_offsets(number);
        // The seal at the very end proves what is before it, not itself.
        const std::uint64_t end =
            number == names.size() ? offsets[offsets.size() - 2] : offsets.back();
        for (std::uint64_t at = 0; at < end; ++at) {
            const int bit = static_cast<int>((at * 5 + number) % 8);
            scene.disk.flip_bit(name, at, bit);
            const auto opened = scene.try_open();
            ASSERT_FALSE(opened.ok()) << name << " at " << at;
            EXPECT_NE(opened.error().message.find(name), std::string::npos);
            EXPECT_NE(opened.error().message.find("offset"), std::string::npos);
            scene.disk.flip_bit(name, at, bit);
        }
    }
    EXPECT_TRUE(scene.try_open().ok()) << "all bits are as they were, and refusing changed nothing";
}

TEST(Rot, writes_that_the_disk_lost_before_the_end_are_refused) {
    LogScene scene(1024);
    fill(scene);
    for (std::uint64_t number = 1; number <= scene.disk.list().size(); ++number) {
        const auto offsets = scene.record_offsets(number);
        const std::string before = scene.disk.content(segment_name(number));
        for (std::size_t r = 0; r + 2 < offsets.size(); ++r) {
            const std::string zeros(offsets[r + 1] - offsets[r], '\0');
            scene.disk.overwrite(segment_name(number), offsets[r], zeros);
            EXPECT_FALSE(scene.try_open().ok()) << number << " at " << offsets[r];
            scene.disk.overwrite(segment_name(number), 0, before);
        }
    }
}

TEST(Rot, without_a_seal_a_later_group_is_proof_enough) {
    LogScene scene;
    const TwoGroups groups(scene);
    scene.disk.flip_bit(segment_name(1), groups.begin - 20, 1);
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("written after this place was synced"),
              std::string::npos);
}

TEST(Rot, a_segment_that_was_just_being_begun_proves_the_one_before_it) {
    LogScene scene(1024);
    scene.open();
    for (std::uint64_t i = 1; scene.disk.list().size() < 2; ++i)
        scene.append({make_batch(i, 1, std::string(100, 'q'))});
    const auto offsets = scene.record_offsets(1);
    scene.disk.flip_bit(segment_name(2), 0, 0);
    ASSERT_TRUE(scene.try_open().ok()) << "an unfinished write";
    scene.disk.overwrite(segment_name(2), 0, "begun");
    scene.disk.flip_bit(segment_name(1), offsets[offsets.size() - 2], 0);  // its end record
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find(segment_name(1)), std::string::npos);
}

TEST(Rot, the_error_says_what_is_safe_to_do) {
    LogScene scene;
    const TwoGroups groups(scene);
    scene.disk.flip_bit(segment_name(1), 0, 0);
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("raftbus repair"), std::string::npos);
    EXPECT_NE(opened.error().message.find("never start the node empty"), std::string::npos);
}

TEST(WrongFile, a_block_of_another_offset_is_not_taken) {
    LogScene scene;
    scene.open();
    for (std::uint64_t i = 1; i <= 4; ++i) scene.append({make_batch(i, 1, "same size")});
    const auto offsets = scene.record_offsets(1);
    const std::string& content = scene.disk.content(segment_name(1));
    const std::string second = content.substr(offsets[1], offsets[2] - offsets[1]);
    ASSERT_EQ(second.size(), offsets[1] - offsets[0]);
    scene.disk.overwrite(segment_name(1), offsets[0], second);
    EXPECT_FALSE(scene.try_open().ok());
}

TEST(WrongFile, an_older_vote_does_not_pass_for_a_newer_one) {
    LogScene scene;
    scene.open();
    for (std::uint64_t term = 1; term <= 3; ++term) scene.save(term, 1);
    const auto offsets = scene.record_offsets(1);
    const std::string& content = scene.disk.content(segment_name(1));
    // The first save in place of the second, as if the disk had written it to the wrong place.
    scene.disk.overwrite(segment_name(1), offsets[1],
                         content.substr(offsets[0], offsets[1] - offsets[0]));
    EXPECT_FALSE(scene.try_open().ok());
}

TEST(WrongFile, the_same_records_of_another_node_are_not_taken) {
    LogScene scene, other;
    other.options.identity = 99;
    for (LogScene* s : {&scene, &other}) {
        s->open();
        for (std::uint64_t i = 1; i <= 3; ++i) s->append({make_batch(i, 1)});
    }
    const std::string name = segment_name(1);
    const auto offsets = scene.record_offsets(1);
    const std::string foreign =
        other.disk.content(name).substr(offsets[0], offsets[1] - offsets[0]);
    scene.disk.overwrite(name, offsets[0], foreign);
    EXPECT_FALSE(scene.try_open().ok());

    scene.disk.overwrite(name, 0, other.disk.content(name));
    const auto opened = scene.try_open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("another node or another cluster"), std::string::npos);
}

TEST(WrongFile, segments_missing_exchanged_shortened_or_emptied_are_refused) {
    const auto filled = [](LogScene& scene) { fill(scene); };
    const auto refused = [&](auto change, std::string_view why) {
        LogScene scene(1024);
        filled(scene);
        change(scene.disk);
        const auto opened = scene.try_open();
        ASSERT_FALSE(opened.ok()) << why;
        EXPECT_NE(opened.error().message.find(why), std::string::npos) << opened.error().message;
    };
    LogScene probe(1024);
    filled(probe);
    const std::uint64_t last = probe.disk.list().size();
    refused([&](SimDisk& d) { d.remove(segment_name(2)); }, "missing");
    refused([&](SimDisk& d) { d.remove(segment_name(last)); }, "missing");
    refused([&](SimDisk& d) { d.rename(segment_name(2), segment_name(1)); }, "missing");
    refused(
        [&](SimDisk& d) {
            d.rename(segment_name(1), "kept");
            d.rename(segment_name(2), segment_name(1));
            d.rename("kept", segment_name(2));
        },
        "under another name");
    refused([&](SimDisk& d) { d.resize(segment_name(1), 1000); }, "was made with 1024");
    refused([&](SimDisk& d) { d.overwrite(segment_name(2), 0, std::string(1024, '\0')); },
            "header is damaged");
}

// That is what compaction leaves. Whether the state holds what is gone is for others to see
// (storage/startup.hpp); the log says where it begins.
TEST(WrongFile, a_log_without_its_first_segment_begins_later) {
    LogScene scene(1024);
    fill(scene);
    const EntryId last = scene.log->last();
    scene.disk.remove(segment_name(1));
    EXPECT_EQ(scene.open().last(), last);
    EXPECT_GT(scene.log->first(), LogIndex(1));
    EXPECT_EQ(scene.log->recovered().before_first, scene.log->before_first());
}

}  // namespace
}  // namespace raftbus::testing
