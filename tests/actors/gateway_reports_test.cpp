// What a gateway says of the cluster: STATUS, MEMBERS, LOG, ELECT.
#include <gtest/gtest.h>

#include "storage/command.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus {
namespace {

using namespace testing;

ReplicatorReport members_report(std::uint64_t ask) {
    return {ask,
            LogIndex(1),
            LogIndex(9),
            LogIndex(8),
            {{NodeId(1), true, "tcp://a:1", ""}, {NodeId(2), false, "tcp://b:1", ""}},
            true};
}

TEST(GatewayReports, StatusIsPutTogetherFromAllActors) {
    GatewayScene node({.cluster = "c1", .version = "1.2", .client = "tcp://a:2"});
    node.deliver(Introduction{"tcp://b:2", "tcp://b:3"}, {NodeId(2), ActorName::gateway});
    node.pass(1500ms);
    node.ask_all({{{"op", "STATUS"}, {"id", 1}}, {{"op", "MEMBERS"}, {"id", 2}}});
    const auto asked = node.context.take<AskReport>();
    ASSERT_EQ(asked.size(), 3u);
    const std::uint64_t ask = asked[0].ask;
    node.deliver(StateReport{ask, LogIndex(7), 0xabc, 5});
    node.deliver(members_report(ask));
    EXPECT_TRUE(node.take_replies().empty());
    node.deliver(ElectionReport{ask, RoleName::pre_candidate, Term(7), NodeId(0)});

    const auto replies = node.take_replies();
    ASSERT_EQ(replies.size(), 2u);
    const Json& status = replies[0].second;
    const Json members = {{{"node", 1},
                           {"kind", "voter"},
                           {"peer", "tcp://a:1"},
                           {"client", "tcp://a:2"},
                           {"trace", ""},
                           {"promote", false},
                           {"speaks", {1, 2}},
                           {"bound", false}},
                          {{"node", 2},
                           {"kind", "learner"},
                           {"peer", "tcp://b:1"},
                           {"client", "tcp://b:2"},
                           {"trace", "tcp://b:3"},
                           {"promote", false},
                           {"speaks", Json::array()},
                           {"bound", false}}};
    EXPECT_EQ(status, (Json{{"ok", true},
                            {"id", 1},
                            {"node", 1},
                            {"cluster", "c1"},
                            {"role", "candidate"},
                            {"term", 7},
                            {"leader", 0},
                            {"first", 1},
                            {"last", 9},
                            {"commit", 8},
                            {"applied", 7},
                            {"digest", "0000000000000abc"},
                            {"members", members},
                            {"version", "1.2"},
                            {"uptime_ms", 1500},
                            {"client", "tcp://a:2"},
                            {"trace", ""},
                            {"storage_answers", true},
                            {"keys", 5},
                            {"member", true},
                            {"in_flight", 2},
                            {"in_flight_bytes", 31},
                            {"unread_bytes", 0},
                            {"clients", 0},
                            {"clients_refused", 0},
                            {"cluster_version", 1},
                            {"speaks", {1, 2}},
                            {"cluster_name", "c1"},
                            {"incarnation", 0}}));
    EXPECT_EQ(replies[1].second, (Json{{"ok", true}, {"id", 2}, {"members", members}}));
}

TEST(GatewayReports, APeerThatComesUpIsToldWhereClientsConnect) {
    GatewayScene node({.client = "tcp://a:2", .trace = "tcp://a:3"});
    node.deliver(PeerUp{NodeId(2)});
    EXPECT_EQ(node.context.sent[0].to, (Address{NodeId(2), ActorName::gateway}));
    EXPECT_EQ(node.sent<Introduction>(), (Introduction{"tcp://a:2", "tcp://a:3"}));
}

Batch batch(std::uint64_t first, std::uint64_t term, const std::vector<Command>& commands) {
    std::string body;
    for (const Command& command : commands) append_command(body, command);
    BatchHeader header{.first = LogIndex(first),
                       .count = static_cast<std::uint32_t>(commands.size()),
                       .term = Term(term),
                       .leader = NodeId(3)};
    return {header, SharedBytes::own(std::move(body))};
}
Batch leaders_no_op(std::uint64_t index, std::uint64_t term) {
    Batch batch;
    batch.header = {.kind = BatchKind::no_op,
                    .first = LogIndex(index),
                    .count = 1,
                    .term = Term(term),
                    .leader = NodeId(3)};
    return batch;
}

std::vector<int> indexes(const Json& reply) {
    std::vector<int> indexes;
    for (const Json& entry : reply.at("entries")) indexes.push_back(entry.at("index"));
    return indexes;
}

TEST(GatewayLog, EntriesAreReadPieceByPieceFromTheOldestThatIsLeft) {
    GatewayScene node;
    node.ask(Json{{"op", "LOG"}, {"from", 0}, {"limit", 3}});
    auto read = node.sent<ReadLog>();
    EXPECT_EQ(read.from, LogIndex(1));
    node.deliver(LogRead{read.request, LogIndex(4), LogIndex(9), {}});
    read = node.sent<ReadLog>();
    EXPECT_EQ(read.from, LogIndex(4));
    node.deliver(LogRead{read.request, LogIndex(4), LogIndex(9), {leaders_no_op(4, 2)}});
    read = node.sent<ReadLog>();
    EXPECT_EQ(read.from, LogIndex(5));
    node.deliver(LogRead{
        read.request,
        LogIndex(4),
        LogIndex(9),
        {batch(5, 2,
               {{CommandKind::set, "a", "x"}, {CommandKind::erase, "b"}, {CommandKind::no_op}})}});
    const Json reply = node.reply();
    EXPECT_EQ(indexes(reply), (std::vector<int>{4, 5, 6}));
    EXPECT_EQ(reply.at("entries").at(0).at("kind"), "no-op");
    EXPECT_EQ(reply.at("entries").at(1), (Json{{"index", 5},
                                               {"term", 2},
                                               {"leader", 3},
                                               {"kind", "set"},
                                               {"key", Json::binary({'a'})},
                                               {"value", Json::binary({'x'})}}));
    EXPECT_EQ(reply.at("entries").at(2).at("value"), nullptr);
    EXPECT_EQ(reply.at("more"), true);
    EXPECT_EQ(reply.at("first"), 4);
    EXPECT_EQ(reply.at("last"), 9);
}

TEST(GatewayLog, ItBeginsInTheMiddleOfABatchAndEndsWithTheLog) {
    GatewayScene node;
    node.ask(Json{{"op", "LOG"}, {"from", 6}});
    node.deliver(LogRead{node.sent<ReadLog>().request,
                         LogIndex(1),
                         LogIndex(7),
                         {batch(5, 2, std::vector<Command>(3))}});
    const Json reply = node.reply();
    EXPECT_EQ(indexes(reply), (std::vector<int>{6, 7}));
    EXPECT_EQ(reply.at("more"), false);
}

TEST(GatewayLog, BeyondTheEndThereIsNothing) {
    GatewayScene node;
    node.ask(Json{{"op", "LOG"}, {"from", 1000}});
    node.deliver(LogRead{node.sent<ReadLog>().request, LogIndex(1), LogIndex(7), {}});
    EXPECT_EQ(indexes(node.reply()), std::vector<int>{});
}

TEST(GatewayLog, AConfigurationIsShownInWords) {
    GatewayScene node;
    node.ask(Json{{"op", "LOG"}});
    Batch batch;
    batch.header = {.kind = BatchKind::config, .first = LogIndex(1), .count = 1, .term = Term(1)};
    batch.body =
        SharedBytes::own(encode_configuration(configuration_of({{NodeId(1)}, {NodeId(2), false}})));
    node.deliver(LogRead{node.sent<ReadLog>().request, LogIndex(1), LogIndex(1), {batch}});
    const Json entry = node.reply().at("entries").at(0);
    EXPECT_EQ(entry.at("kind"), "config");
    const std::string words = "[n1] learners=[n2]";
    EXPECT_EQ(entry.at("value"), Json::binary({words.begin(), words.end()}));
}

TEST(GatewayLog, OneIsReadAfterTheOther) {
    GatewayScene node;
    node.ask_all({{{"op", "LOG"}, {"id", 1}}, {{"op", "LOG"}, {"id", 2}}});
    const auto first = node.sent<ReadLog>();
    node.deliver(LogRead{first.request, LogIndex(1), LogIndex(0), {}});
    EXPECT_EQ(node.reply().at("id"), 1);
    node.deliver(LogRead{node.sent<ReadLog>().request, LogIndex(1), LogIndex(0), {}});
    EXPECT_EQ(node.reply().at("id"), 2);
}

TEST(GatewayElections, TheNodeCampaignsAndTheLeaderThatComesOfItIsTheAnswer) {
    GatewayScene node;
    node.leader(7, 1);
    node.ask(Json{{"op", "ELECT"}, {"node", 2}});
    ReplicatorReport voters = members_report(node.sent<AskReport>().ask);
    voters.members[1].voter = true;
    node.deliver(voters);
    EXPECT_EQ(node.context.sent[0].to, (Address{NodeId(2), ActorName::election}));
    node.sent<Campaign>();
    node.deliver(CampaignReply{Term(7), false}, {NodeId(2), ActorName::election});
    node.leader(8, 0);
    EXPECT_TRUE(node.take_replies().empty());
    node.leader(8, 2);
    EXPECT_EQ(node.reply(), (Json{{"ok", true}, {"leader", 2}, {"term", 8}}));
}

TEST(GatewayElections, WhoLeadsAlreadyIsTheAnswerAtOnce) {
    GatewayScene node;
    node.ask(Json{{"op", "ELECT"}});
    node.deliver(members_report(0));
    EXPECT_EQ(node.context.sent.back().to, (Address{NodeId(1), ActorName::election}));
    node.deliver(CampaignReply{Term(7), true}, {NodeId(1), ActorName::election});
    EXPECT_EQ(node.reply(), (Json{{"ok", true}, {"leader", 1}, {"term", 7}}));
}

TEST(GatewayElections, AStrangerIsRefusedAndTheMembersNamed) {
    GatewayScene node;
    node.ask(Json{{"op", "ELECT"}, {"node", 77}});
    node.deliver(members_report(0));
    const Json reply = node.reply();
    expect_failure(reply, "BAD_REQUEST", "no");
    EXPECT_NE(reply.at("message").get<std::string>().find("members are 1, 2"), std::string::npos);
    EXPECT_EQ(node.count<Campaign>(), 0u);
}

TEST(GatewayElections, ALearnerIsRefused) {
    GatewayScene node;
    node.ask(Json{{"op", "ELECT"}, {"node", 2}});
    node.deliver(members_report(0));
    const Json reply = node.reply();
    expect_failure(reply, "BAD_REQUEST", "no");
    EXPECT_NE(reply.at("message").get<std::string>().find("a learner"), std::string::npos);
    EXPECT_EQ(node.count<Campaign>(), 0u);
}

TEST(GatewayElections, NoLeaderInTimeIsSaid) {
    GatewayScene node;
    node.ask(Json{{"op", "ELECT"}});
    node.deliver(members_report(0));
    node.pass(5s);
    expect_failure(node.reply(), "NO_LEADER", "no");
}

}  // namespace
}  // namespace raftbus
