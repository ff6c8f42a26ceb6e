#include "cli/sim_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/failure.hpp"

namespace raftbus::cli {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(SimWords, NodesWithAndWithoutTheirLetter) {
    EXPECT_EQ(sim_node_from("2", 3), 2U);
    EXPECT_EQ(sim_node_from("n3", 3), 3U);
    for (const char* wrong : {"0", "4", "n", "", "x1"})
        EXPECT_THROW(sim_node_from(wrong, 3), Failure) << wrong;
}

TEST(SimWords, GroupsAreCutInBothDirections) {
    EXPECT_THAT(sim_cuts_from("1,2|3", 3),
                UnorderedElementsAre(Pair(1, 3), Pair(3, 1), Pair(2, 3), Pair(3, 2)));
    EXPECT_EQ(sim_cuts_from("1|2|3", 3).size(), 6U);
}

TEST(SimWords, OneDirectionAlone) {
    EXPECT_THAT(sim_cuts_from("1>3", 3), ElementsAre(Pair(1, 3)));
    EXPECT_THAT(sim_cuts_from("1>2,3", 3), ElementsAre(Pair(1, 2), Pair(1, 3)));
}

TEST(SimWords, WhatCutsNothingIsRefused) {
    for (const char* wrong : {"1,2", "1|", "1|4", "1|1", "1>2>3", ""})
        EXPECT_THROW(sim_cuts_from(wrong, 3), Failure) << wrong;
}

}  // namespace
}  // namespace raftbus::cli
