// What a node's storage has acknowledged is what a restart has to find.

#include "sim/disk_record.hpp"

#include <gtest/gtest.h>

namespace raftbus::sim {
namespace {

Moment at(int ms) {
    return Moment(std::chrono::milliseconds(ms));
}

Append append(std::uint64_t first, std::uint64_t term, std::uint64_t cut_from = 0) {
    Batch batch;
    batch.header.first = LogIndex(first);
    batch.header.count = 1;
    batch.header.term = Term(term);
    return {StorageRequest(1), LogIndex(cut_from), {batch}};
}

EntryId entry(std::uint64_t index, std::uint64_t term) {
    return {LogIndex(index), Term(term)};
}

TEST(DiskRecord, AnEntryIsThereOnceItsMomentHasCome) {
    DiskRecord record;
    record.wrote(append(1, 1), at(20));
    EXPECT_FALSE(record.holds(entry(1, 1), at(19)));
    EXPECT_TRUE(record.holds(entry(1, 1), at(20)));
    EXPECT_FALSE(record.holds(entry(1, 2), at(20))) << "of another term";
}

TEST(DiskRecord, WhatWasAcknowledgedMustBeFound) {
    DiskRecord record;
    record.saved({Term(1), NodeId(2)}, at(10));
    record.wrote(append(1, 1), at(20));
    record.ended(at(30));
    EXPECT_NE(DiskRecord(record).found({Term(1), NodeId(2)}, {}, at(40)), std::nullopt);
    EXPECT_NE(DiskRecord(record).found({Term(1), NodeId(3)}, {entry(1, 1)}, at(40)), std::nullopt);
    EXPECT_NE(DiskRecord(record).found({}, {entry(1, 1)}, at(40)), std::nullopt);
    EXPECT_EQ(DiskRecord(record).found({Term(1), NodeId(2)}, {entry(1, 1)}, at(40)), std::nullopt);
}

TEST(DiskRecord, WhatWasUnderWayMayBeThereOrNot) {
    DiskRecord record;
    record.saved({Term(1), NodeId(2)}, at(10));
    record.wrote(append(1, 1), at(20));
    record.ended(at(15));
    EXPECT_EQ(DiskRecord(record).found({Term(1), NodeId(2)}, {}, at(40)), std::nullopt);
    EXPECT_EQ(DiskRecord(record).found({Term(1), NodeId(2)}, {entry(1, 1)}, at(40)), std::nullopt);
    EXPECT_FALSE(record.holds(entry(1, 1), at(100))) << "it was never acknowledged";
}

TEST(DiskRecord, WhatAStartFoundCountsOnceItIsDurable) {
    DiskRecord record;
    record.wrote(append(1, 1), at(20));
    record.ended(at(15));
    EXPECT_EQ(record.found({}, {entry(1, 1)}, at(40)), std::nullopt);
    record.ended(at(30));
    EXPECT_EQ(DiskRecord(record).found({}, {}, at(60)), std::nullopt) << "it lost power meanwhile";
    EXPECT_EQ(record.found({}, {entry(1, 1)}, at(60)), std::nullopt);
    record.ended(at(70));
    EXPECT_NE(record.found({}, {}, at(80)), std::nullopt);
}

TEST(DiskRecord, ACutUnderWayExcusesWhatItCuts) {
    DiskRecord record;
    record.wrote(append(1, 1), at(10));
    record.wrote(append(2, 1), at(10));
    record.wrote(append(2, 2, 2), at(30));
    record.ended(at(20));
    EXPECT_EQ(DiskRecord(record).found({}, {entry(1, 1)}, at(40)), std::nullopt);
    EXPECT_EQ(DiskRecord(record).found({}, {entry(1, 1), entry(2, 2)}, at(40)), std::nullopt);
    EXPECT_NE(DiskRecord(record).found({}, {}, at(40)), std::nullopt);
}

}  // namespace
}  // namespace raftbus::sim
