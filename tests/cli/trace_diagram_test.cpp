#include "cli/trace_diagram.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace raftbus::cli {
namespace {

TraceEvent arrival(std::uint32_t from, std::uint32_t to, const std::string& type) {
    TraceEvent event;
    event.kind = TraceKind::handled;
    event.node = NodeId(to);
    event.actor = ActorName::replicator;
    event.other = {NodeId(from), ActorName::replicator};
    event.type = type;
    event.text = type + " term=7";
    return event;
}

std::string time(const TraceEvent&) {
    return "1.0";
}

std::string drawn(const std::vector<TraceEvent>& events, bool unicode = false) {
    std::ostringstream out, err;
    Output output{out, err};
    output.unicode = unicode;
    return draw_diagram(output, events, time);
}

TEST(TraceDiagram, AnArrowForEachMessageBetweenNodes) {
    EXPECT_EQ(drawn({arrival(1, 2, "PreVote"), arrival(2, 1, "Yes"), arrival(1, 4, "Lead"),
                     arrival(4, 1, "Reply")}),
              "     n1         n2         n4\n"
              "1.0  |-PreVote->|          |  term=7\n"
              "1.0  |<-----Yes-|          |  term=7\n"
              "1.0  |-Lead-----+--------->|  term=7\n"
              "1.0  |<---------+----Reply-|  term=7\n");
}

TEST(TraceDiagram, LinesOfTheTerminal) {
    EXPECT_EQ(drawn({arrival(1, 2, "PreVote"), arrival(2, 1, "Yes")}, true),
              "     n1         n2\n"
              "1.0  ├─PreVote─►│  term=7\n"
              "1.0  │◄─────Yes─┤  term=7\n");
}

TEST(TraceDiagram, WhatStaysInANodeHasNoArrow) {
    TraceEvent sent = arrival(1, 2, "PreVote");
    sent.kind = TraceKind::sent;
    EXPECT_EQ(drawn({arrival(1, 1, "Fence"), sent}), "");
}

}  // namespace
}  // namespace raftbus::cli
