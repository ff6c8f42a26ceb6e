#include "cli/trace_filter.hpp"

#include <gtest/gtest.h>

#include "cli/failure.hpp"
#include "cli/verb.hpp"
#include "tests/cli/trace_events.hpp"

namespace raftbus::cli {
namespace {

TraceFilter filter_of(const std::vector<std::string>& arguments) {
    return TraceFilter::from(parse_arguments(options_of(*find_verb("trace")), arguments));
}

TraceEvent message(NodeId node, ActorName actor, const std::string& type, Term term = Term(1)) {
    TraceEvent event = event_at(1, 1, node, type);
    event.kind = TraceKind::sent;
    event.actor = actor;
    event.term = term;
    return event;
}

TEST(TraceFilter, GlobsMatchNames) {
    EXPECT_TRUE(matches_glob("RequestVoteReply", "RequestVote*"));
    EXPECT_TRUE(matches_glob("PreVote", "*Vote"));
    EXPECT_TRUE(matches_glob("Lead", "L??d"));
    EXPECT_FALSE(matches_glob("LeaderHeard", "Lead"));
}

TEST(TraceFilter, LeavesHeartbeatsOutUnlessAskedFor) {
    const TraceEvent heartbeat = message(NodeId(1), ActorName::replicator, "HeartbeatReply");
    EXPECT_FALSE(filter_of({}).wants(heartbeat));
    EXPECT_TRUE(filter_of({}).hides_heartbeats());
    EXPECT_TRUE(filter_of({"--heartbeats"}).wants(heartbeat));
    EXPECT_TRUE(filter_of({"--type", "Heartbeat*"}).wants(heartbeat));
    EXPECT_FALSE(filter_of({"--type", "*"}).wants(heartbeat));
}

TEST(TraceFilter, CombinesWhatIsAskedFor) {
    TraceFilter filter =
        filter_of({"--node", "n1,2", "--actor", "election", "--type", "*Vote*", "--term", "7"});
    EXPECT_TRUE(filter.wants(message(NodeId(2), ActorName::election, "PreVote", Term(7))));
    EXPECT_FALSE(filter.wants(message(NodeId(3), ActorName::election, "PreVote", Term(7))));
    EXPECT_FALSE(filter.wants(message(NodeId(2), ActorName::gateway, "PreVote", Term(7))));
    EXPECT_FALSE(filter.wants(message(NodeId(2), ActorName::election, "Fence", Term(7))));
    EXPECT_FALSE(filter.wants(message(NodeId(2), ActorName::election, "PreVote", Term(6))));
}

TEST(TraceFilter, FollowsTheRequestsWhoseMarkNamesTheKey) {
    TraceFilter filter = filter_of({"--key", "colour"});
    TraceEvent mark = event_at(1, 1, NodeId(1), "Mark");
    mark.request = {NodeId(1), 42};
    mark.text = "Set colours (3 B)";
    EXPECT_FALSE(filter.wants(mark));
    mark.text = "Set colour (3 B)";
    EXPECT_TRUE(filter.wants(mark));
    TraceEvent propose = message(NodeId(2), ActorName::replicator, "Propose");
    EXPECT_FALSE(filter.wants(propose));
    propose.request = mark.request;
    EXPECT_TRUE(filter.wants(propose));
}

TEST(TraceFilter, RefusesWhatIsNone) {
    EXPECT_THROW(filter_of({"--actor", "replicater"}), Failure);
    EXPECT_THROW(filter_of({"--request", "42"}), Failure);
    EXPECT_THROW(filter_of({"--node", "one"}), Failure);
}

TEST(TraceFilter, ATypeThatNoMessageHasIsRefusedWithWhatWasMeant) {
    const auto refusal = [](const std::string& type) {
        try {
            TraceFilter::from(parse_arguments(trace_filter_specs(), {"--type", type}));
        } catch (const Failure& failure) {
            return std::string(failure.what()) + " " + failure.next;
        }
        return std::string();
    };
    EXPECT_NE(refusal("Propse").find("did you mean Propose?"), std::string::npos);
    EXPECT_NE(refusal("Append*,*Vtoe*").find("*Vtoe*"), std::string::npos);
    EXPECT_EQ(refusal("*Vote*"), "");
    EXPECT_EQ(refusal("Mark,AppendEntries"), "");
}

}  // namespace
}  // namespace raftbus::cli
