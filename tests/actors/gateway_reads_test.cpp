// Reads: confirmed by the leader, answered by the own state.
#include <gtest/gtest.h>

#include "tests/testing/gateway_scene.hpp"

namespace raftbus {
namespace {

using namespace testing;

void confirm(GatewayScene& node, ReadNumber read, std::uint64_t index) {
    node.deliver(ReadIndexReply{read, LogIndex(index), Term(7), 312},
                 {NodeId(2), ActorName::replicator});
}

TEST(GatewayReads, AllThatWaitShareOneRoundAndAreAnsweredFromTheOwnState) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask_all({get(1, "a"), get(2, "b"), {{"op", "HEARTBEAT"}, {"id", 3}}});
    const auto question = node.sent<ReadIndex>();
    EXPECT_EQ(question.mode, ReadMode::confirm);

    confirm(node, question.read, 40);
    EXPECT_EQ(node.reply(),
              (Json{{"ok", true}, {"id", 3}, {"leader", 2}, {"term", 7}, {"round_trip_us", 312}}));
    const auto read = node.sent<ReadState>();
    EXPECT_EQ(read.at, LogIndex(40));
    ASSERT_EQ(read.queries.size(), 2u);

    node.deliver(StateRead{
        read.read, LogIndex(41), {GetAnswer{Item{{}, SharedBytes::copy("red"), 9}}, GetAnswer{}}});
    const auto replies = node.take_replies();
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(replies[0].second.at("value"), Json::binary({'r', 'e', 'd'}));
    EXPECT_EQ(replies[0].second.at("revision"), 9);
    EXPECT_FALSE(replies[0].second.contains("applied"));
    EXPECT_EQ(replies[1].second.at("found"), false);
}

TEST(GatewayReads, LocalOnesAskNobodyAndSayHowFarTheStateIs) {
    GatewayScene node;
    Json local = get(1, "a");
    local["consistency"] = "local";
    node.ask(local);
    EXPECT_EQ(node.count<ReadIndex>(), 0u);
    const auto read = node.sent<ReadState>();
    EXPECT_EQ(read.at, LogIndex(0));
    node.deliver(StateRead{read.read, LogIndex(41), {GetAnswer{}}});
    EXPECT_EQ(node.reply().at("applied"), 41);
}

TEST(GatewayReads, LeaseReadsGoApartAndLearnThatThereIsNoLease) {
    GatewayScene node({.leases = true});
    node.leader(7, 2);
    Json lease = get(1, "a");
    lease["consistency"] = "lease";
    node.ask_all({lease, get(2, "b")});
    const auto questions = node.context.take<ReadIndex>();
    ASSERT_EQ(questions.size(), 2u);
    EXPECT_EQ(questions[0].mode, ReadMode::confirm);
    EXPECT_EQ(questions[1].mode, ReadMode::lease);
    node.deliver(ReadRefused{questions[1].read, Refusal::unsupported});
    expect_failure(node.reply(), "UNSUPPORTED", "no");
}

TEST(GatewayReads, WhatWasRefusedIsAskedAgainAndNotInCircles) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(get(1, "a"));
    const auto first = node.sent<ReadIndex>();
    node.deliver(ReadRefused{first.read, Refusal::not_leader});
    EXPECT_EQ(node.count<ReadIndex>(), 0u);
    node.ask(get(2, "b"));
    EXPECT_EQ(node.count<ReadIndex>(), 0u);
    node.pass(20ms);
    EXPECT_NE(node.sent<ReadIndex>().read, first.read);
}

TEST(GatewayReads, SilenceIsAskedAgainAndALateAnswerIsNobodys) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(get(1, "a"));
    const auto first = node.sent<ReadIndex>();
    node.pass(100ms);
    const auto second = node.sent<ReadIndex>();
    node.pass(199ms);
    EXPECT_EQ(node.count<ReadIndex>(), 0u) << "with twice the patience";
    confirm(node, first.read, 40);
    EXPECT_EQ(node.count<ReadState>(), 0u);
    confirm(node, second.read, 41);
    EXPECT_EQ(node.sent<ReadState>().at, LogIndex(41));
}

TEST(GatewayReads, ANewLeaderIsAskedAtOnce) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(get(1, "a"));
    node.sent<ReadIndex>();
    node.leader(8, 3);
    EXPECT_EQ(node.context.sent.back().to.node, NodeId(3));
    EXPECT_EQ(node.count<ReadIndex>(), 1u);
}

TEST(GatewayReads, TheDeadlineSaysWhetherThereWasALeader) {
    GatewayScene node;
    Json hasty = get(1, "a");
    hasty["timeout_ms"] = 300;
    node.ask(hasty);
    node.pass(300ms);
    expect_failure(node.reply(), "NO_LEADER", "no");
    node.leader(7, 2);
    node.ask(hasty);
    node.pass(300ms);
    expect_failure(node.reply(), "TIMEOUT", "unknown");
}

ScanQuery scan(const Json& fields) {
    GatewayScene node;
    Json request = {{"op", "SCAN"}, {"consistency", "local"}};
    request.update(fields);
    node.ask(request);
    return std::get<ScanQuery>(node.sent<ReadState>().queries.at(0));
}

TEST(GatewayReads, APrefixIsARangeUpToTheNextPrefix) {
    EXPECT_EQ(scan({{"prefix", "ab"}}).start.view(), "ab");
    EXPECT_EQ(scan({{"prefix", "ab"}}).end->view(), "ac");
    EXPECT_EQ(scan({{"prefix", Json::binary({'a', 0xff, 0xff})}}).end->view(), "b");
    EXPECT_EQ(scan({{"prefix", Json::binary({0xff, 0xff})}}).end, std::nullopt);
    EXPECT_EQ(scan({{"prefix", ""}}).end, std::nullopt);
    EXPECT_EQ(scan({{"start", "a"}, {"end", "b"}}).end->view(), "b");
    EXPECT_EQ(scan({{"prefix", "a"}}).limit, 1000u);
    EXPECT_EQ(scan({{"prefix", "a"}, {"limit", 1'000'000}}).limit, 10'000u);
    EXPECT_TRUE(scan({{"prefix", "a"}, {"keys_only", true}}).keys_only);
}

TEST(GatewayReads, AScanIsAnsweredWithItsItems) {
    GatewayScene node;
    node.ask(Json{{"op", "SCAN"}, {"prefix", "a"}, {"consistency", "local"}});
    const Item item{SharedBytes::copy("a1"), SharedBytes::copy("x"), 7};
    node.deliver(StateRead{node.sent<ReadState>().read, LogIndex(9), {ScanAnswer{{item}, true}}});
    const Json reply = node.reply();
    EXPECT_EQ(reply.at("items"),
              Json::array({Json::array({Json::binary({'a', '1'}), Json::binary({'x'}), 7})}));
    EXPECT_EQ(reply.at("more"), true);
}

}  // namespace
}  // namespace raftbus
