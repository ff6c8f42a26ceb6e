// WATCH at the gateway: the numbers of what is said, ends with their reasons, and bounds.
#include "tests/testing/watch_scene.hpp"

namespace raftbus::testing {
namespace {

// ---- numbers, by which a client sees that something was lost on the way

TEST(GatewayWatches, WhatIsSaidIsNumberedAndSoAreTheChangesOfARevision) {
    WatchScene scene;
    scene.ask(watch(1, "k", {{"progress_ms", 100}}));
    scene.state(Watching{WatchNumber(1), LogIndex(4), 77});
    scene.tell(1, {5, 7, 7, 8});
    scene.applied(8, 1);
    std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 5U);
    EXPECT_EQ(replies[0]["incarnation"], 77);
    EXPECT_FALSE(replies[0].contains("seq"));
    const std::vector<int> parts = {0, 0, 1, 0};
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(replies[i + 1]["seq"], i + 1);
        EXPECT_EQ(replies[i + 1]["part"], parts[i]);
    }
    scene.pass(110ms);
    scene.deliver(Stop{});
    replies = scene.drain();
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0]["progress"], true);
    EXPECT_EQ(replies[0]["seq"], 5);
    EXPECT_EQ(replies[1]["error"], "BUSY");
    EXPECT_EQ(replies[1]["seq"], 6) << "the end is numbered, too";
}

TEST(GatewayWatches, GoesOnInTheMiddleOfARevision) {
    WatchScene scene;
    scene.ask(watch(1, "k", {{"from", 7}, {"from_part", 2}}));
    scene.state(Watching{WatchNumber(1), LogIndex(6), 77});
    scene.tell(1, {7, 7, 7, 8});
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 3U);
    EXPECT_EQ(replies[1]["revision"], 7);
    EXPECT_EQ(replies[1]["part"], 2);
    EXPECT_EQ(replies[1]["seq"], 1);
    EXPECT_EQ(replies[2]["part"], 0);
}

TEST(GatewayWatches, APieceOfThePastThatIsKnownIsPassedOver) {
    WatchScene scene;
    scene.ask(watch(1, "k", {{"from", 7}, {"from_part", 2}}));
    scene.state(Watching{WatchNumber(1), LogIndex(6), 77});
    scene.tell(1, {7, 7}, true);
    EXPECT_EQ(scene.drain().size(), 1U);
    EXPECT_EQ(scene.count<WatchOn>(), 1U);
}

// ---- nodes and clusters that are not the ones they were

TEST(GatewayWatches, EndWhenThisNodeIsRemoved) {
    WatchScene scene;
    scene.ask_all({watch(1, "k"), watch(2, "k")});
    scene.begin(1, 4);
    scene.drain();
    scene.applied(7, 1);
    Reconfigured removed;
    removed.expelled = true;
    scene.deliver(removed, GatewayScene::neighbour(ActorName::replicator));
    expect_failure(scene.reply(), "BUSY", "no");  // the one that had no answer yet
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 1U);
    expect_failure(replies[0], "BUSY", "no");
    EXPECT_NE(replies[0]["message"].get<std::string>().find("removed"), std::string::npos);
    EXPECT_EQ(replies[0]["revision"], 7);
    EXPECT_EQ(scene.gateway.watches().size(), 0U);
    scene.ask(watch(1, "k"));
    expect_failure(scene.reply(), "BUSY", "no");
}

TEST(GatewayWatches, ARevisionThatIsAheadOfTheClusterIsRefused) {
    WatchScene scene;
    scene.leader(1, 2);
    scene.ask(watch(1, "k", {{"from", 90}}));
    EXPECT_FALSE(scene.sent<Watch>().checked);
    scene.state(WatchEnded{WatchNumber(1), LogIndex(41), WatchEnd::ahead, {}});
    EXPECT_TRUE(scene.take_replies().empty()) << "this node may lag behind";
    scene.deliver(ReadIndexReply{scene.sent<ReadIndex>().read, LogIndex(50), Term(1), 1},
                  {NodeId(2), ActorName::replicator});
    const Json refused = scene.reply();
    expect_failure(refused, "BAD_REVISION", "no");
    EXPECT_EQ(refused["revision"], 50);
    EXPECT_EQ(scene.gateway.watches().size(), 0U);
}

TEST(GatewayWatches, ANodeThatLagsWaitsForWhatIsAsked) {
    WatchScene scene;
    scene.leader(1, 2);
    scene.ask(watch(1, "k", {{"from", 90}}));
    scene.sent<Watch>();
    scene.state(WatchEnded{WatchNumber(1), LogIndex(41), WatchEnd::ahead, {}});
    scene.deliver(ReadIndexReply{scene.sent<ReadIndex>().read, LogIndex(89), Term(1), 1},
                  {NodeId(2), ActorName::replicator});
    const Watch again = scene.sent<Watch>();
    EXPECT_EQ(again.from, LogIndex(90));
    EXPECT_TRUE(again.checked);
    scene.state(Watching{WatchNumber(1), LogIndex(89), 77});
    EXPECT_EQ(scene.drain().at(0)["watching"], true);
}

TEST(GatewayWatches, RevisionsOfAnotherIncarnationAreRefused) {
    WatchScene scene;
    scene.leader(1, 2);
    scene.ask(watch(1, "k", {{"from", 40}, {"incarnation", 5}}));
    EXPECT_EQ(scene.sent<Watch>().incarnation, 5U);
    const WatchEnded other{WatchNumber(1), LogIndex(61), WatchEnd::other,
                           {9, LogIndex(55), Incarnation::Cause::restored}};
    scene.state(other);
    EXPECT_TRUE(scene.take_replies().empty()) << "this node may not have come to it yet";
    scene.deliver(ReadIndexReply{scene.sent<ReadIndex>().read, LogIndex(60), Term(1), 1},
                  {NodeId(2), ActorName::replicator});
    EXPECT_EQ(scene.sent<Watch>().at, LogIndex(60));
    scene.state(other);
    const Json refused = scene.reply();
    expect_failure(refused, "BAD_REVISION", "no");
    EXPECT_EQ(refused["revision"], 60);
    EXPECT_EQ(refused["incarnation"], 9);
    EXPECT_NE(refused["message"].get<std::string>().find("restored"), std::string::npos);
}

TEST(GatewayWatches, AHistoryThatBreaksOffEndsThemAndSaysWhy) {
    WatchScene scene;
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.drain();
    scene.state(WatchEnded{WatchNumber(1), LogIndex(101), WatchEnd::compacted,
                           {9, LogIndex(100), Incarnation::Cause::recovered}});
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0]["error"], "COMPACTED");
    EXPECT_EQ(replies[0]["first"], 101);
    EXPECT_NE(replies[0]["message"].get<std::string>().find("recovered"), std::string::npos);
}

// ---- what watches hold, and for how long

TEST(GatewayWatches, TheirBytesAreLimited) {
    GatewayOptions options;
    options.watch_bytes_max = 3'000;
    WatchScene scene(options);
    scene.ask(watch(std::string(5'000, 'i'), "k"));
    const Json large = scene.reply();
    expect_failure(large, "TOO_LARGE", "no");
    EXPECT_NE(large["message"].get<std::string>().find("'id'"), std::string::npos);
    scene.ask(watch(std::string(1'000, 'i'), "k"));
    EXPECT_TRUE(scene.take_replies().empty());
    scene.ask(watch(std::string(2'000, 'i'), "k"));
    expect_failure(scene.reply(), "BUSY", "no");
    scene.ask(watch(1, std::string(2'000, 'k')));
    expect_failure(scene.reply(), "BUSY", "no");
    scene.ask({{"op", "CANCEL"}, {"id", std::string(1'000, 'i')}});
    scene.drain();
    scene.ask(watch(std::string(2'000, 'i'), "k"));
    EXPECT_TRUE(scene.take_replies().empty());
}

std::string behind_proxy(std::string_view client) {
    return pack_route(std::vector<std::string_view>{"proxy", client, ""});
}

TEST(GatewayWatches, AConnectionHasALimitWhateverRoutesItUses) {
    GatewayOptions options;
    options.watches_per_client_max = 2;
    WatchScene scene(options);
    scene.ask_all({watch(1, "k")}, behind_proxy("a"));
    scene.ask_all({watch(1, "k")}, behind_proxy("b"));
    EXPECT_TRUE(scene.take_replies().empty());
    scene.ask_all({watch(1, "k")}, behind_proxy("c"));
    expect_failure(scene.reply(), "BUSY", "no");
    scene.ask(watch(1, "k"));
    EXPECT_TRUE(scene.take_replies().empty()) << "of another connection";
}

TEST(GatewayWatches, AClientThatPromisedSignsOfLifeAndGivesNoneIsGone) {
    WatchScene scene;
    const std::string dead = behind_proxy("dead"), alive = behind_proxy("alive");
    scene.ask_all({watch(1, "k", {{"keepalive_ms", 2'000}})}, dead);
    scene.ask_all({watch(1, "k", {{"keepalive_ms", 2'000}})}, alive);
    scene.begin(1, 4);
    scene.drain(dead);
    scene.begin(2, 4);
    scene.drain(alive);
    for (int i = 0; i < 3; ++i) {
        scene.pass(1s);
        scene.ask_all({{{"op", "KEEPALIVE"}}}, alive);
        EXPECT_EQ(scene.reply()["watches"], 1);
    }
    EXPECT_EQ(scene.gateway.watches().size(), 1U);
    const std::vector<Json> replies = scene.drain(dead);
    ASSERT_EQ(replies.size(), 1U);
    expect_failure(replies[0], "BUSY", "no");
    EXPECT_NE(replies[0]["message"].get<std::string>().find("keepalive_ms"), std::string::npos);
}

TEST(GatewayWatches, AClientBehindAProxyThatSaysNothingIsGivenUpSomeTime) {
    WatchScene scene;
    const std::string silent = behind_proxy("silent");
    scene.ask_all({watch(1, "k")}, silent);
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.begin(2, 4);
    scene.drain(silent);
    scene.pass(9min);
    EXPECT_EQ(scene.gateway.watches().size(), 2U);
    scene.pass(3min);
    EXPECT_EQ(scene.gateway.watches().size(), 1U) << "one without a proxy is seen to be there";
}

TEST(GatewayWatches, WhereNoneIsLeftTheMostSilentBehindAProxyMakesRoom) {
    GatewayOptions options;
    options.watches_max = 2;
    WatchScene scene(options);
    const std::string first = behind_proxy("first"), second = behind_proxy("second");
    scene.ask_all({watch(1, "k")}, first);
    scene.begin(1, 4);
    scene.drain(first);
    scene.pass(5s);
    scene.ask_all({watch(1, "k")}, second);
    scene.begin(2, 4);
    scene.drain(second);
    scene.ask(watch(1, "k"));
    expect_failure(scene.reply(), "BUSY", "no");
    scene.pass(31s);
    scene.ask(watch(2, "k"));
    EXPECT_TRUE(scene.take_replies().empty());
    const std::vector<Json> replies = scene.drain(first);
    EXPECT_EQ(replies.back()["error"], "BUSY");
    EXPECT_EQ(scene.gateway.watches().size(), 2U);
}

TEST(GatewayWatches, BeginNoneForWhomAsMuchAsMayWaits) {
    GatewayOptions options;
    options.streams.client_messages_max = 2;
    WatchScene scene(options);
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.streamed();
    scene.taken(0);
    scene.tell(1, {5});
    scene.ask(watch(2, "k"));
    expect_failure(scene.reply(), "BUSY", "no");
}

}  // namespace
}  // namespace raftbus::testing
