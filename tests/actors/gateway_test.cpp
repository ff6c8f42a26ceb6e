// The gateway's edges: what it refuses, how it stops, what it leaves in a trace.
#include <gtest/gtest.h>

#include "messages/text.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus {
namespace {

using namespace testing;

// ---- limits and malformed requests

TEST(Gateway, WhatCanNotBeReadIsAnsweredAtOnceOnItsOwnRoute) {
    GatewayScene node;
    ClientRequests requests;
    requests.frames.push_back({SharedBytes::copy("one"), std::nullopt});
    requests.frames.push_back({SharedBytes::copy("two"), SharedBytes::copy("\xc1")});
    requests.frames.push_back(GatewayScene::frame({{"op", "NOPE"}, {"id", "x"}}, "three"));
    node.deliver(std::move(requests));
    const auto replies = node.take_replies();
    ASSERT_EQ(replies.size(), 3u);
    EXPECT_EQ(replies[0].first, "one");
    EXPECT_NE(replies[0].second.at("message").get<std::string>().find("['', body]"),
              std::string::npos);
    EXPECT_EQ(replies[2].first, "three");
    EXPECT_EQ(replies[2].second.at("id"), "x");
    for (const auto& reply : replies) expect_failure(reply.second, "BAD_REQUEST", "no");
}

TEST(Gateway, LimitsOfRequestsInFlightAreAnsweredWithBusyUntilThereIsRoom) {
    GatewayScene node({.requests_max = 4, .requests_per_client_max = 2});
    node.leader(7, 2);
    node.ask_all({set(1, "a"), set(2, "b"), set(3, "c")}, "one");
    const Json refused = node.reply();
    EXPECT_EQ(refused.at("id"), 3);
    expect_failure(refused, "BUSY", "no");
    node.ask_all({set(4, "d"), set(5, "e")}, "two");
    EXPECT_TRUE(node.take_replies().empty());
    node.ask_all({set(6, "f")}, "three");
    expect_failure(node.reply(), "BUSY", "no");

    const auto proposals = node.context.take<Propose>();
    node.applied(11, 7, {written(proposals[0].proposal, 10, 2)});
    node.take_replies();
    node.ask_all({set(7, "g")}, "three");
    EXPECT_TRUE(node.take_replies().empty());
    EXPECT_EQ(node.gateway.in_flight().clients(), 2u);
}

TEST(Gateway, TheBytesOfRequestsInFlightHaveALimitToo) {
    GatewayScene node({.bytes_max = 1000});
    node.ask_all({set(1, "a", std::string(600, 'x')), set(2, "b", std::string(600, 'x'))});
    expect_failure(node.reply(), "BUSY", "no");
    EXPECT_GT(node.gateway.in_flight().bytes(), 600u);
}

TEST(Gateway, ATimeoutAboveTheLimitIsCapped) {
    GatewayScene node({.timeout_max = 1s});
    node.ask(Json{{"op", "NO-OP"}, {"timeout_ms", 1'000'000'000'000}});
    node.pass(1s);
    expect_failure(node.reply(), "NO_LEADER", "no");
}

// ---- stop

TEST(GatewayStop, WithNothingInFlightItIsDoneAtOnce) {
    GatewayScene node;
    node.deliver(Stop{});
    EXPECT_EQ(node.count<Stopped>(), 1u);
    node.ask(set(1, "a"));
    expect_failure(node.reply(), "BUSY", "no");
    EXPECT_EQ(node.count<Stopped>(), 0u) << "it is said once";
}

TEST(GatewayStop, WhatIsInFlightGetsHalfASecondAndThenAnAnswer) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto propose = node.sent<Propose>();
    node.leader(8, 0);
    node.ask(set(2, "b"));
    node.deliver(Stop{});
    EXPECT_EQ(node.count<Stopped>(), 0u);
    node.pass(500ms);
    ASSERT_EQ(node.context.sent.size(), 2u);
    EXPECT_TRUE(std::holds_alternative<Stopped>(node.context.sent[1].message)) << "replies first";
    const auto replies = node.take_replies();
    ASSERT_EQ(replies.size(), 2u);
    for (const auto& [route, reply] : replies) {
        if (reply.at("id") == 1)
            expect_failure(reply, "TIMEOUT", "unknown");
        else
            expect_failure(reply, "NO_LEADER", "no");
    }
}

// ---- traces

TEST(GatewayTrace, AReplyNamesTheRequestAndTheBatchServesTheFirstThatAsked) {
    GatewayScene node({.incarnation = 0x7f3a});
    node.leader(7, 2);
    Json followed = set(2, "colour", "red");
    followed["trace"] = true;
    node.ask_all({set(1, "a"), followed, set(3, "c")});
    const RequestId request{NodeId(1), (0x7f3aULL << 32) + 2};
    EXPECT_EQ(node.context.served.back(), request);
    EXPECT_EQ(node.context.marks.at(1), (std::pair{request, std::string("Set colour (3 B)")}));
    node.applied(12, 7, {written(node.sent<Propose>().proposal, 10, 3)});
    const auto replies = node.take_replies();
    EXPECT_EQ(replies[1].second.at("request"), to_text(request));
    EXPECT_FALSE(replies[0].second.contains("request"));
    EXPECT_TRUE(node.context.marks.back().second.starts_with("Reply"));
}

}  // namespace
}  // namespace raftbus
