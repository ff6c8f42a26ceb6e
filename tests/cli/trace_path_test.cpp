#include "cli/trace_path.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/cli/trace_events.hpp"

namespace raftbus::cli {
namespace {

const RequestId kRequest{NodeId(1), (std::uint64_t(0x7f3a) << 32) | 42};

constexpr Address actor(std::uint32_t node, ActorName name) {
    return {NodeId(node), name};
}

// Tells the story of a request, message by message.
class Story {
public:
    // A message that is sent and handled at these times. Returns its id, to be the cause of others.
    MessageId tell(std::int64_t sent_us, std::int64_t handled_us, Address from, Address to,
                   const std::string& type, MessageId cause, const std::string& details = {}) {
        const std::uint64_t number = ++number_;
        TraceEvent out = sent(number, sent_us, from, to, number, type);
        TraceEvent in = handled(number, handled_us + skew_us(to), from, to, number, type);
        out.wall.value += skew_us(from);
        for (TraceEvent* event : {&out, &in}) {
            event->cause = cause;
            event->request = kRequest;
            if (!details.empty()) event->text = type + " " + details;
            event->took_us = handled_us - sent_us;
        }
        events.push_back(out);
        if (handled_us > 0) events.push_back(in);
        return out.message;
    }
    void mark(std::int64_t at_us, Address where, MessageId handling, const std::string& text) {
        TraceEvent event = event_at(++number_, at_us, where.node, "Mark");
        event.actor = where.actor;
        event.message = handling;
        event.request = kRequest;
        event.text = text;
        events.push_back(event);
    }

    std::vector<TraceEvent> events;
    std::int64_t skew_of_n2_us = 0;

private:
    std::int64_t skew_us(Address address) const {
        return address.node == NodeId(2) ? skew_of_n2_us : 0;
    }
    std::uint64_t number_ = 0;
};

// One SET on three nodes, as n1's client sees it; n3 is slow.
Story set_colour(std::int64_t skew_of_n2_us = 0) {
    using enum ActorName;
    Story s;
    s.skew_of_n2_us = skew_of_n2_us;
    const auto in =
        s.tell(1000'000, 1000'020, actor(1, bus), actor(1, gateway), "ClientRequests", {});
    s.mark(1000'020, actor(1, gateway), in, "Set colour (3 B)");
    const auto propose = s.tell(1000'060, 1000'080, actor(1, gateway), actor(1, replicator),
                                "Propose", in, "term=7 count=1");
    const auto append =
        s.tell(1000'110, 1000'130, actor(1, replicator), actor(1, storage), "Append", propose);
    const auto to2 = s.tell(1000'120, 1000'330, actor(1, replicator), actor(2, replicator),
                            "AppendEntries", propose, "term=7");
    const auto to3 = s.tell(1000'130, 1000'400, actor(1, replicator), actor(3, replicator),
                            "AppendEntries", propose, "term=7");
    const auto append2 =
        s.tell(1000'370, 1000'380, actor(2, replicator), actor(2, storage), "Append", to2);
    s.tell(1001'750, 1001'760, actor(1, storage), actor(1, replicator), "Appended", append);
    const auto saved2 =
        s.tell(1001'850, 1001'860, actor(2, storage), actor(2, replicator), "Appended", append2);
    const auto reply2 = s.tell(1001'900, 1002'010, actor(2, replicator), actor(1, replicator),
                               "AppendEntriesReply", saved2);
    const auto apply =
        s.tell(1002'040, 1002'050, actor(1, replicator), actor(1, state_machine), "Apply", reply2);
    const auto ready = s.tell(1002'150, 1002'160, actor(1, state_machine), actor(1, gateway),
                              "OutcomesReady", apply);
    s.mark(1002'310, actor(1, gateway), ready, "Reply (19 B)");
    s.tell(1003'800, 1003'900, actor(3, replicator), actor(1, replicator), "AppendEntriesReply",
           to3);
    return s;
}

std::string drawn(const Story& story) {
    std::ostringstream out, err;
    Output output{out, err};
    output.unicode = true;
    return draw_path(output, trace_path(story.events, kRequest));
}

TEST(TracePath, DrawsTheWayOfAWrite) {
    EXPECT_EQ(drawn(set_colour()),
              R"(    0.00            n1 gateway        Set                  colour (3 B)
    0.04  +0.04     n1 replicator     Propose              term=7 count=1                             queued 0.02
    0.09  +0.03     n1 storage        Append                                                          queued 0.02, synced 1.62
    0.10  +0.04  ↪  n2 replicator     AppendEntries        term=7                                     wire 0.21
    0.11  +0.05  ↪  n3 replicator     AppendEntries        term=7                                     wire 0.27
    0.35  +0.04     n2 storage        Append                                                          queued 0.01, synced 1.47
    1.73  +1.62     n1 replicator     Appended                                                        queued 0.01
    1.83  +1.47     n2 replicator     Appended                                                        queued 0.01
    1.88  +0.04  ↪  n1 replicator     AppendEntriesReply                                              wire 0.11, ← quorum
    2.02  +0.03     n1 state_machine  Apply                                                           queued 0.01
    2.13  +0.10     n1 gateway        OutcomesReady                                                   queued 0.01
    2.29  +0.15     n1 gateway        Reply                (19 B)
  slowest step: disk sync on n2 (64 %)      not waited for: n3 (AppendEntriesReply at 3.88)
)");
}

TEST(TracePath, KnowsWhatTheReplyHadToWaitFor) {
    const TracePath path = trace_path(set_colour().events, kRequest);
    std::vector<std::string> chain;
    for (const Hop& hop : path.hops) {
        if (hop.waited_for) chain.push_back(hop.type + " n" + std::to_string(hop.node.value));
    }
    const std::vector<std::string> expected = {
        "Propose n1", "AppendEntries n2", "Append n2", "Appended n2", "AppendEntriesReply n1",
        "Apply n1",   "OutcomesReady n1", "Reply n1"};
    EXPECT_EQ(chain, expected);
    EXPECT_EQ(path.total_us, 2290);
}

TEST(TracePath, CorrectsAClockThatIsBehind) {
    constexpr std::int64_t kBehindUs = -5000;
    const TracePath path = trace_path(set_colour(kBehindUs).events, kRequest);
    EXPECT_NEAR(static_cast<double>(path.clocks_shifted_us), 5000, 100);
    for (const Hop& hop : path.hops) EXPECT_GE(hop.at_us, 0);
    EXPECT_NEAR(static_cast<double>(path.total_us), 2290, 100);
}

TEST(TracePath, LeavesOthersRequestsOut) {
    Story story = set_colour();
    TraceEvent other = sent(99, 1000'500, actor(1, ActorName::gateway),
                            actor(1, ActorName::replicator), 99, "ReadIndex");
    other.request = {NodeId(1), 43};
    story.events.push_back(other);
    for (const Hop& hop : trace_path(story.events, kRequest).hops) EXPECT_NE(hop.type, "ReadIndex");
}

TEST(TracePath, WithoutEventsThereIsNothingToDraw) {
    EXPECT_EQ(drawn(Story{}), "  no events of this request came in\n");
}

}  // namespace
}  // namespace raftbus::cli
