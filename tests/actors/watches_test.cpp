// Watches: who is told of what, now and from the past, with the log in the test's hands.
#include "actors/watches.hpp"

#include <gtest/gtest.h>

#include "messages/msgpack_reader.hpp"
#include "sim/sim_base.hpp"
#include "storage/kv_layers.hpp"
#include "tests/testing/commands.hpp"

namespace raftbus {
namespace {

using testing::erase;
using testing::set;

// ---- the index

std::string watchers(const WatchIndex& index, std::string_view key) {
    std::string text;
    index.each(key, [&](WatchNumber watch) { text += std::to_string(watch.value) + " "; });
    return text;
}

TEST(WatchIndex, FindsTheKeyAndEveryPrefixOfIt) {
    WatchIndex index;
    std::uint64_t number = 0;
    for (const char* prefix : {"", "a", "aa", "aaa", "aab", "aac/", "b", "a0", "aa0"})
        index.add({prefix, true}, WatchNumber(++number));
    index.add({"aab", false}, WatchNumber(20));
    index.add({"aab", true}, WatchNumber(21));
    EXPECT_EQ(watchers(index, "aab"), "20 5 21 3 2 1 ");
    EXPECT_EQ(watchers(index, "aabx"), "5 21 3 2 1 ");
    EXPECT_EQ(watchers(index, "aac"), "3 2 1 ");
    EXPECT_EQ(watchers(index, "aac/x"), "6 3 2 1 ");
    EXPECT_EQ(watchers(index, "c"), "1 ");
    EXPECT_EQ(watchers(index, "\xff"), "1 ");
    index.remove({"", true}, WatchNumber(1));
    index.remove({"aab", false}, WatchNumber(20));
    EXPECT_EQ(watchers(index, "c"), "");
    EXPECT_EQ(watchers(index, "aab"), "5 21 3 2 ");
}

TEST(WatchIndex, AgreesWithLookingAtAll) {
    std::vector<std::string> words{""};
    for (std::size_t i = 0; i < 3 * 3 * 3; ++i)
        for (const char c : {'a', 'b', 'c'}) words.push_back(words[i] + c);
    for (std::size_t chosen = 1; chosen < 64; ++chosen) {
        WatchIndex index;
        std::vector<std::string> prefixes;
        for (std::size_t i = 0; i < words.size(); ++i)
            if ((i * 2'654'435'761U >> 3) % 64 < chosen) prefixes.push_back(words[i]);
        for (std::size_t i = 0; i < prefixes.size(); ++i)
            index.add({prefixes[i], true}, WatchNumber(i + 1));
        for (const std::string& key : words) {
            std::size_t found = 0, expected = 0;
            index.each(key, [&](WatchNumber) { ++found; });
            for (const std::string& prefix : prefixes) expected += key.starts_with(prefix);
            ASSERT_EQ(found, expected) << key;
        }
    }
}

// ---- the watches

// "w1: set a=1@3 | w2: ..."; "begun w1 after 2", "w1 waits", "ended w1 first 5".
std::string to_text(const Watches::News& news) {
    std::string text;
    for (const Watching& begun : news.begun)
        text += "begun w" + std::to_string(begun.watch.value) + " after " +
                std::to_string(begun.after.value) + "; ";
    for (const WatchShare& share : news.events.shares) {
        text += "w" + std::to_string(share.watch.value);
        for (const std::uint32_t place : share.events) {
            const WatchEvent& event = news.events.events.at(place);
            MsgpackReader in(event.pairs.view());
            MsgpackValue name, kind, key, value;
            in.read(name), in.read(kind), in.read(name), in.read(key);
            in.read(name), in.read(value);
            text += " " + std::string(kind.bytes) + " " + std::string(key.bytes) + "=" +
                    std::string(value.bytes) + "@" + std::to_string(event.revision);
        }
        text += " to " + std::to_string(share.up_to.value) + (share.past ? " waits; " : "; ");
    }
    for (const WatchEnded& ended : news.ended)
        text += "ended w" + std::to_string(ended.watch.value) + " first " +
                std::to_string(ended.first.value) +
                (ended.why == WatchEnd::ahead   ? " ahead; "
                 : ended.why == WatchEnd::other ? " other; "
                                                : "; ");
    return text;
}

class WatchesTest : public ::testing::Test {
protected:
    std::string watch(std::uint64_t number, std::string_view key, bool prefix = false,
                      std::uint64_t from = 0) {
        return to_text(
            watches.add({WatchNumber(number), SharedBytes::copy(key), prefix, LogIndex(from)},
                        state.applied().index, state.footnotes().first()));
    }
    // Into the log, and applied.
    std::string apply(const std::vector<Command>& commands) {
        log.push_back(testing::batch_of(state.applied().index.next(), Term(1), commands));
        state.tell_changes_to(watches.sink());
        state.apply(log.back(), nullptr);
        return to_text(watches.applied(state.applied().index));
    }
    // The log from where the watches want it, so many batches of it.
    std::string read(std::size_t batches, LogIndex first = LogIndex(1)) {
        const auto from = watches.begin_read();
        EXPECT_TRUE(from.has_value());
        return hand(from.value_or(LogIndex(1)), batches, first);
    }
    std::string hand(LogIndex from, std::size_t batches, LogIndex first = LogIndex(1)) {
        LogRead read{StorageRequest(1), first, log.back().header.last(), {}};
        for (const Batch& batch : log)
            if (batch.header.last() >= std::max(from, first) && read.batches.size() < batches)
                if (from >= first) read.batches.push_back(batch);
        return to_text(watches.read(read, state.footnotes(), state.applied().index));
    }

    KvLayers state{std::make_shared<sim::SimBase>(), {}};
    std::vector<Batch> log;
    Watches watches;
};

TEST_F(WatchesTest, TheFutureIsToldToWhomItConcerns) {
    apply({set("a", "1")});
    EXPECT_EQ(watch(1, "a"), "begun w1 after 1; w1 to 1; ");
    EXPECT_EQ(watch(2, "a/", true), "begun w2 after 1; w2 to 1; ");
    EXPECT_EQ(watch(3, "", true), "begun w3 after 1; w3 to 1; ");
    EXPECT_EQ(apply({set("b", "1")}), "w3 set b=1@2 to 2; ");
    EXPECT_EQ(apply({set("a", "2"), set("a/b", "3"), erase("a"), erase("a")}),
              "w1 set a=2@3 delete a=@5 to 6; w3 set a=2@3 set a/b=3@4 delete a=@5 to 6; "
              "w2 set a/b=3@4 to 6; ");
    watches.remove(WatchNumber(3));
    EXPECT_EQ(apply({set("b", "1")}), "");
}

TEST_F(WatchesTest, NobodyIsToldWhereNobodyWatches) {
    EXPECT_EQ(watches.sink(), nullptr);
    watch(1, "a");
    EXPECT_NE(watches.sink(), nullptr);
    watches.remove(WatchNumber(1));
    EXPECT_EQ(watches.sink(), nullptr);
}

TEST_F(WatchesTest, TheNextRevisionIsWaitedForAndALaterOneIsNotThere) {
    EXPECT_EQ(watch(1, "a", false, 1), "begun w1 after 0; w1 to 0; ");
    EXPECT_EQ(watch(2, "a", false, 3), "ended w2 first 1 ahead; ");
    EXPECT_EQ(apply({set("a", "1"), set("a", "2")}), "w1 set a=1@1 set a=2@2 to 2; ");
}

TEST_F(WatchesTest, ThePastMeetsThePresentWithoutGapOrRepeat) {
    for (const char* value : {"1", "2", "3", "4"}) apply({set("a", value), erase("nothing")});
    EXPECT_EQ(watch(1, "a", false, 3), "");
    EXPECT_EQ(read(1), "begun w1 after 2; w1 set a=2@3 to 4 waits; ");
    EXPECT_EQ(watches.begin_read(), std::nullopt);
    EXPECT_EQ(apply({set("a", "5")}), "");
    watches.go_on(WatchNumber(1));
    const auto from = watches.begin_read();
    EXPECT_EQ(from, LogIndex(5));
    // While the log is read there is more to come: not of this piece.
    EXPECT_EQ(apply({set("a", "6")}), "");
    log.push_back(testing::batch_of(LogIndex(11), Term(1), {set("a", "not committed")}));
    EXPECT_EQ(hand(*from, 100), "w1 set a=3@5 set a=4@7 set a=5@9 set a=6@10 to 10; ");
    log.pop_back();
    EXPECT_EQ(apply({set("a", "7")}), "w1 set a=7@11 to 11; ");
}

TEST_F(WatchesTest, APieceWithoutNewsIsFollowedByTheNextOne) {
    apply({set("a", "1")});
    apply({set("b", "1")});
    apply({set("a", "2")});
    watch(1, "a", false, 2);
    EXPECT_EQ(read(1), "begun w1 after 1; ");
    EXPECT_EQ(read(1), "w1 set a=2@3 to 3; ");
    watch(2, "c", false, 1);
    EXPECT_EQ(read(3), "begun w2 after 0; w2 to 3; ");
}

TEST_F(WatchesTest, WhoeverIsAtThePlaceReadsAlong) {
    for (const char* value : {"1", "2", "3"}) apply({set("a", value)});
    watch(1, "a", false, 1);
    watch(2, "", true, 2);
    watch(3, "a", false, 3);
    EXPECT_EQ(read(2),
              "begun w1 after 0; begun w2 after 1; w1 set a=1@1 set a=2@2 to 2 waits; "
              "w2 set a=2@2 to 2 waits; ");
    EXPECT_EQ(read(1), "begun w3 after 2; w3 set a=3@3 to 3; ");
}

TEST_F(WatchesTest, WhatTheLogHasLostIsCompacted) {
    for (const char* value : {"1", "2", "3"}) apply({set("a", value)});
    watch(1, "a", false, 1);
    watch(2, "a", false, 3);
    EXPECT_EQ(read(9, LogIndex(3)), "ended w1 first 3; ");
    EXPECT_EQ(read(9, LogIndex(3)), "begun w2 after 2; w2 set a=3@3 to 3; ");
    state.log_begins_at(LogIndex(3));
    EXPECT_EQ(watch(3, "a", false, 2), "ended w3 first 3; ");
}

TEST_F(WatchesTest, ASnapshotLeavesWatchesBehind) {
    apply({set("a", "1")});
    watch(1, "a");
    watch(2, "a", false, 9);
    watch(3, "a", false, 1);
    const auto from = watches.begin_read();
    EXPECT_EQ(to_text(watches.jumped(LogIndex(7))), "ended w1 first 8; ended w3 first 8; ");
    watch(4, "a", false, 1);
    // What was being read is of the old log.
    EXPECT_EQ(hand(*from, 9), "");
    EXPECT_EQ(watches.begin_read(), LogIndex(1));
}

TEST_F(WatchesTest, WhoEndsWhileItsTurnComesIsPassedOver) {
    apply({set("a", "1")});
    watch(1, "a", false, 1);
    const auto from = watches.begin_read();
    watches.remove(WatchNumber(1));
    EXPECT_EQ(hand(*from, 9), "");
    EXPECT_EQ(watches.begin_read(), std::nullopt);
    EXPECT_EQ(watches.size(), 0U);
}

}  // namespace
}  // namespace raftbus
