#include "cli/trace_merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/trace_events.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::vector<std::string> names(const std::vector<OrderedEvent>& events) {
    std::vector<std::string> names;
    for (const OrderedEvent& ordered : events) {
        names.push_back("n" + std::to_string(ordered.event.node.value) + " " + ordered.event.type);
    }
    return names;
}

constexpr Address kR1{NodeId(1), ActorName::replicator};
constexpr Address kR2{NodeId(2), ActorName::replicator};

TEST(TraceMerge, CauseComesBeforeClock) {
    TraceMerge merge(0s);
    // Node 2's clock is 500 µs behind, so by the clock it handles the message before it is sent.
    merge.add(handled(1, 1000, kR1, kR2, 7, "Append"), {});
    merge.add(event_at(2, 1100, NodeId(2), "After"), {});
    merge.add(event_at(1, 1400, NodeId(1), "Before"), {});
    merge.add(sent(2, 1500, kR1, kR2, 7, "Append"), {});
    EXPECT_THAT(names(merge.take_all()),
                ElementsAre("n1 Before", "n1 Append", "n2 Append", "n2 After"));
}

TEST(TraceMerge, WhatIsUnrelatedGoesByTheClock) {
    TraceMerge merge(0s);
    merge.add(event_at(1, 300, NodeId(2), "C"), {});
    merge.add(event_at(1, 100, NodeId(1), "A"), {});
    merge.add(event_at(2, 400, NodeId(1), "D"), {});
    merge.add(event_at(1, 200, NodeId(3), "B"), {});
    EXPECT_THAT(names(merge.take_all()), ElementsAre("n1 A", "n3 B", "n2 C", "n1 D"));
}

TEST(TraceMerge, HoldsEventsForTheWindow) {
    const TraceMerge::Clock::time_point start{};
    TraceMerge merge(100ms);
    merge.add(event_at(1, 100, NodeId(1), "A"), start);
    merge.add(event_at(1, 50, NodeId(2), "B"), start + 60ms);
    EXPECT_TRUE(merge.take_ready(start + 99ms).empty());
    EXPECT_TRUE(merge.take_ready(start + 110ms).empty()) << "B comes first and has not waited yet";
    EXPECT_THAT(names(merge.take_ready(start + 160ms)), ElementsAre("n2 B", "n1 A"));
}

TEST(TraceMerge, CountsWhatIsLost) {
    TraceMerge merge(0s);
    merge.add(event_at(5, 100, NodeId(1), "A"), {});
    merge.add(event_at(9, 200, NodeId(1), "B"), {});
    merge.add(event_at(7, 150, NodeId(1), "C"), {});
    const auto events = merge.take_all();
    EXPECT_THAT(names(events), ElementsAre("n1 A", "n1 C", "n1 B"));
    EXPECT_EQ(events[0].lost_before, 0U) << "what was before the first event is not known";
    EXPECT_EQ(events[1].lost_before, 1U);
    EXPECT_EQ(events[2].lost_before, 1U);
}

TEST(TraceMerge, ARestartedNodeCountsFromOneAndLosesNothing) {
    TraceMerge merge(0s);
    merge.add(event_at(5000, 100, NodeId(1), "Old"), {});
    merge.add(event_at(1, 200, NodeId(1), "New"), {});
    merge.add(event_at(2, 300, NodeId(1), "Newer"), {});
    const auto events = merge.take_all();
    EXPECT_THAT(names(events), ElementsAre("n1 Old", "n1 New", "n1 Newer"));
    for (const OrderedEvent& event : events) EXPECT_EQ(event.lost_before, 0U);
}

TEST(TraceMerge, ASendingThatNeverCameHoldsNothingUp) {
    TraceMerge merge(0s);
    merge.add(handled(1, 1000, kR1, kR2, 7, "Append"), {});
    EXPECT_THAT(names(merge.take_all()), ElementsAre("n2 Append"));
}

}  // namespace
}  // namespace raftbus::cli
