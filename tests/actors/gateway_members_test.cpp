// ADD, REMOVE, PROMOTE: taken to whoever leads, until it is known what became of them.
#include <gtest/gtest.h>

#include "tests/testing/gateway_scene.hpp"

namespace raftbus {
namespace {

using namespace testing;

const Json kAdd{
    {"op", "ADD"}, {"id", 1}, {"node", 4}, {"peer", "tcp://h:1"}, {"client", "tcp://h:2"}};
const Json kRemove{{"op", "REMOVE"}, {"id", 1}, {"node", 2}};

void refuse(GatewayScene& node, ChangeNumber change, Refusal why, const std::string& message = {}) {
    node.deliver(ChangeRefused{change, why, message}, {NodeId(2), ActorName::replicator});
}

TEST(GatewayMembers, AChangeGoesToTheLeaderAndItsMembersComeBack) {
    GatewayScene node({.client = "tcp://one:2"});
    node.leader(7, 2);
    node.ask(kAdd);
    const auto asked = node.sent<ChangeMembers>();
    EXPECT_EQ(asked.wanted.kind, ChangeKind::add);
    EXPECT_TRUE(asked.wanted.member.voter);
    EXPECT_EQ(asked.wanted.member.client, "tcp://h:2");
    node.deliver(MembersChanged{asked.change, {{NodeId(1)}, asked.wanted.member}},
                 {NodeId(2), ActorName::replicator});
    const Json members = node.reply().at("members");
    ASSERT_EQ(members.size(), 2u);
    EXPECT_EQ(members[0].at("client"), "tcp://one:2") << "what is known here is filled in";
    EXPECT_EQ(members[1].at("peer"), "tcp://h:1");
}

TEST(GatewayMembers, NonsenseIsToldAndCertainlyWasNotDone) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(kRemove);
    refuse(node, node.sent<ChangeMembers>().change, Refusal::invalid, "the last voter");
    const Json reply = node.reply();
    expect_failure(reply, "BAD_REQUEST", "no");
    EXPECT_EQ(reply.at("message"), "the last voter");
}

TEST(GatewayMembers, WhatStandsInTheWayIsNamed) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(kRemove);
    refuse(node, node.sent<ChangeMembers>().change, Refusal::unsupported, "n3 is silent");
    expect_failure(node.reply(), "UNSUPPORTED", "no");
}

TEST(GatewayMembers, AnotherChangeIsWaitedForUntilTheDeadline) {
    GatewayScene node;
    node.leader(7, 2);
    Json request = kRemove;
    request["timeout_ms"] = 1000;
    node.ask(request);
    refuse(node, node.sent<ChangeMembers>().change, Refusal::busy, "another change");
    node.pass(150ms);
    refuse(node, node.sent<ChangeMembers>().change, Refusal::busy, "another change");
    node.pass(2s);
    while (node.count<ChangeMembers>() > 0) {
    }
    expect_failure(node.reply(), "TIMEOUT", "unknown");
}

TEST(GatewayMembers, WithoutALeaderNothingIsChanged) {
    GatewayScene node;
    Json request = kRemove;
    request["timeout_ms"] = 100;
    node.ask(request);
    node.pass(200ms);
    EXPECT_EQ(node.count<ChangeMembers>(), 0u);
    expect_failure(node.reply(), "NO_LEADER", "no");
}

TEST(GatewayMembers, ANewLeaderIsAskedAgainUnderANewNumber) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(kRemove);
    const auto first = node.sent<ChangeMembers>();
    node.leader(8, 3);
    const auto second = node.sent<ChangeMembers>();
    EXPECT_NE(first.change, second.change);
    refuse(node, first.change, Refusal::invalid, "late");
    EXPECT_TRUE(node.take_replies().empty()) << "of the try before";
    // The first leader may have done it, so that the second one does not know the node any more.
    refuse(node, second.change, Refusal::invalid, "node 2 is not a member");
    const Json reply = node.reply();
    expect_failure(reply, "TIMEOUT", "unknown");
    EXPECT_NE(reply.at("message").get<std::string>().find("not a member"), std::string::npos);
}

TEST(GatewayMembers, AChangeThatMayHaveBeenLostWithTheConnectionIsAskedAgain) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(kRemove);
    node.sent<ChangeMembers>();
    node.deliver(PeerUp{NodeId(2)});
    EXPECT_EQ(node.count<ChangeMembers>(), 1u);
}

}  // namespace
}  // namespace raftbus
