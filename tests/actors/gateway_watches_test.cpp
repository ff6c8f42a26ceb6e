// WATCH and CANCEL at the gateway: what clients are told, and how fast.
#include "tests/testing/watch_scene.hpp"

namespace raftbus::testing {
namespace {

TEST(GatewayWatches, TheFirstAnswerAndThenAStreamUnderItsId) {
    WatchScene scene;
    scene.ask(watch("mine", "k", {{"from", 5}}));
    const auto asked = scene.sent<Watch>();
    EXPECT_EQ(asked.key.view(), "k");
    EXPECT_FALSE(asked.prefix);
    EXPECT_EQ(asked.from, LogIndex(5));
    scene.begin(1, 4);
    scene.tell(1, {5, 7, 7});
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 4U);
    for (const Json& reply : replies) {
        EXPECT_EQ(reply["id"], "mine");
        EXPECT_EQ(reply["ok"], true);
    }
    EXPECT_EQ(replies[0]["watching"], true);
    EXPECT_EQ(replies[0]["revision"], 4);
    EXPECT_EQ(replies[1]["event"], "set");
    EXPECT_EQ(replies[1]["revision"], 5);
    EXPECT_FALSE(replies[1].contains("more"));
    EXPECT_EQ(replies[2]["more"], true);  // another change of revision 7 follows
    EXPECT_FALSE(replies[3].contains("more"));
    EXPECT_TRUE(scene.take_replies().empty());
    EXPECT_EQ(scene.gateway.in_flight().size(), 0U);
}

TEST(GatewayWatches, CancelIsTheLastThatIsSaid) {
    WatchScene scene;
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.tell(1, {5});
    scene.ask({{"op", "CANCEL"}, {"id", 1}});
    EXPECT_EQ(scene.sent<Unwatch>().watch, WatchNumber(1));
    scene.tell(1, {6});
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 3U);
    EXPECT_EQ(replies[2], (Json{{"ok", true}, {"id", 1}, {"cancelled", true}}));
    scene.ask({{"op", "CANCEL"}, {"id", 1}});
    expect_failure(scene.reply(), "BAD_REQUEST", "no");
    EXPECT_EQ(scene.gateway.watches().size(), 0U);
}

TEST(GatewayWatches, AnIdIsUsedOnceOnAConnectionAndMayBeUsedOnAnother) {
    WatchScene scene;
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.ask(watch(1, "other"));
    expect_failure(scene.reply(), "BAD_REQUEST", "no");
    scene.ask_all({watch(1, "k")}, "another client");
    EXPECT_TRUE(scene.take_replies().empty());
    EXPECT_EQ(scene.gateway.watches().size(), 2U);
}

TEST(GatewayWatches, EndWhenTheStateIsFoundToDiffer) {
    WatchScene scene;
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.drain();
    scene.state(StateJudged{Divergence{LogIndex(3), 1, 2, true}});
    EXPECT_EQ(scene.sent<Unwatch>().watch, WatchNumber(1));
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 1U);
    expect_failure(replies[0], "BUSY", "no");
    EXPECT_EQ(scene.gateway.watches().size(), 0U);
}

TEST(GatewayWatches, ThereAreLimits) {
    GatewayOptions options;
    options.watches_max = 3;
    options.watches_per_client_max = 2;
    WatchScene scene(options);
    scene.ask_all({watch(1, "k"), watch(2, "k"), watch(3, "k")});
    expect_failure(scene.reply(), "BUSY", "no");
    scene.ask_all({watch(1, "k"), watch(2, "k")}, "another");
    expect_failure(scene.reply(), "BUSY", "no");
}

TEST(GatewayWatches, CompactedNamesTheFirstRevisionThatIsLeft) {
    WatchScene scene;
    scene.ask(watch(1, "k", {{"from", 2}}));
    scene.state(WatchEnded{WatchNumber(1), LogIndex(9)});
    const Json refused = scene.reply();
    expect_failure(refused, "COMPACTED", "no");
    EXPECT_EQ(refused["first"], 9);
    scene.ask(watch(1, "k"));
    scene.begin(2, 9);
    scene.state(WatchEnded{WatchNumber(2), LogIndex(20)});
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[1]["error"], "COMPACTED");
    EXPECT_EQ(replies[1]["first"], 20);
    EXPECT_EQ(scene.gateway.watches().size(), 0U);
}

TEST(GatewayWatches, TheTimeoutBoundsTheFirstAnswerAlone) {
    WatchScene scene;
    scene.ask_all({watch(1, "k", {{"timeout_ms", 50}}), watch(2, "k", {{"timeout_ms", 50}})});
    scene.begin(2, 4);
    scene.pass(60ms);
    expect_failure(scene.reply(), "TIMEOUT", "unknown");
    EXPECT_EQ(scene.sent<Unwatch>().watch, WatchNumber(1));
    EXPECT_EQ(scene.gateway.watches().size(), 1U);
}

TEST(GatewayWatches, NothingOvertakesWhatCouldNotBeSent) {
    WatchScene scene;
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    EXPECT_EQ(scene.streamed().size(), 1U);
    scene.taken(0);  // the client reads nothing
    scene.tell(1, {5});
    EXPECT_TRUE(scene.streamed().empty());
    scene.pass(25ms);
    EXPECT_EQ(scene.streamed().size(), 2U);
    scene.taken(1);
    scene.tell(1, {6});
    scene.pass(25ms);
    const std::vector<Json> rest = scene.drain();
    ASSERT_EQ(rest.size(), 2U);
    EXPECT_EQ(rest[0]["revision"], 5);
    EXPECT_EQ(rest[1]["revision"], 6);
}

TEST(GatewayWatches, ASlowClientHoldsUpNobody) {
    WatchScene scene;
    scene.ask_all({watch(1, "k")}, "slow");
    scene.ask_all({watch(1, "k")}, "quick");
    scene.state(Watching{WatchNumber(1), LogIndex(4)});
    EXPECT_EQ(scene.streamed("slow").size(), 1U);
    scene.taken(0);
    scene.state(Watching{WatchNumber(2), LogIndex(4)});
    scene.tell(2, {5});
    EXPECT_EQ(scene.drain("quick").size(), 2U);
}

TEST(GatewayWatches, WhatIsTooMuchIsToldLaterFromThePast) {
    GatewayOptions options;
    options.streams.client_messages_max = 2;
    WatchScene scene(options);
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.context.take<Watch>();
    EXPECT_EQ(scene.streamed().size(), 1U);
    scene.taken(0);
    scene.tell(1, {5});
    scene.applied(6, 1);
    scene.tell(1, {7});  // more than may wait
    EXPECT_EQ(scene.sent<Unwatch>().watch, WatchNumber(1));
    scene.tell(1, {8});
    scene.pass(25ms);
    std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[1]["revision"], 5);
    // All has left: it goes on behind what was told.
    const auto again = scene.sent<Watch>();
    EXPECT_EQ(again.watch, WatchNumber(2));
    EXPECT_EQ(again.from, LogIndex(7));
    scene.state(Watching{WatchNumber(2), LogIndex(6)});
    scene.tell(2, {7, 8});
    replies = scene.drain();
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0]["revision"], 7);
    scene.ask({{"op", "CANCEL"}, {"id", 1}});
    EXPECT_EQ(scene.drain().at(0)["cancelled"], true);
}

TEST(GatewayWatches, ThePastWaitsUntilItHasLeft) {
    WatchScene scene;
    scene.ask(watch(1, "k", {{"from", 5}}));
    scene.state(Watching{WatchNumber(1), LogIndex(4)});
    scene.tell(1, {5, 6}, true);
    EXPECT_EQ(scene.count<WatchOn>(), 0U);
    EXPECT_EQ(scene.drain().size(), 3U);
    EXPECT_EQ(scene.sent<WatchOn>().watch, WatchNumber(1));
}

TEST(GatewayWatches, AClientThatTakesNothingIsToldSoAndThenForgotten) {
    WatchScene scene;
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.applied(5, 1);
    for (Duration passed{}; passed < 11s; passed += 20ms) {
        if (!scene.streamed().empty()) scene.taken(0);
        scene.pass(20ms);
    }
    EXPECT_EQ(scene.gateway.watches().size(), 0U);
    EXPECT_EQ(scene.sent<Unwatch>().watch, WatchNumber(1));
    const std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 2U);
    expect_failure(replies[1], "BUSY", "no");
    EXPECT_EQ(replies[1]["revision"], 5);
    EXPECT_NE(replies[1]["message"].get<std::string>().find("revision 6"), std::string::npos);
}

TEST(GatewayWatches, AClientThatIsGoneIsForgotten) {
    WatchScene scene;
    scene.ask_all({watch(1, "k"), watch(2, "k")});
    scene.begin(1, 4);
    EXPECT_EQ(scene.streamed().size(), 1U);
    scene.taken(0, true);
    EXPECT_EQ(scene.gateway.watches().size(), 0U);
    EXPECT_EQ(scene.count<Unwatch>(), 2U);
    EXPECT_EQ(scene.gateway.in_flight().size(), 0U);
}

TEST(GatewayWatches, ASignOfLifeSaysHowFarAllIsTold) {
    WatchScene scene;
    scene.ask(watch(1, "k", {{"progress_ms", 100}}));
    scene.begin(1, 4);
    scene.drain();
    scene.applied(9, 1);
    scene.pass(110ms);
    std::vector<Json> replies = scene.drain();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0], (Json{{"ok", true}, {"id", 1}, {"progress", true}, {"revision", 9}, {"seq", 1}}));
    scene.pass(90ms);
    scene.tell(1, {10});
    scene.applied(12, 1);
    scene.drain();
    scene.pass(90ms);
    EXPECT_TRUE(scene.drain().empty());
    scene.pass(20ms);
    EXPECT_EQ(scene.drain().at(0)["revision"], 12);
}

// What a watch of the past has not been told yet is not called told.
TEST(GatewayWatches, ASignOfLifeInThePastSaysNoMoreThanIsTold) {
    WatchScene scene;
    scene.ask(watch(1, "k", {{"progress_ms", 100}, {"from", 2}}));
    scene.state(Watching{WatchNumber(1), LogIndex(1)});
    scene.tell(1, {2, 3}, true);
    scene.applied(9, 1);
    scene.drain();
    scene.pass(110ms);
    EXPECT_EQ(scene.drain().at(0)["revision"], 3);
}

TEST(GatewayWatches, WhoDidNotAskForSignsOfLifeGetsThemWhereWatchesAreScarce) {
    GatewayOptions options;
    options.watches_max = 2;
    WatchScene scene(options);
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.drain();
    scene.pass(61s);
    EXPECT_TRUE(scene.drain().empty());
    scene.ask(watch(2, "k"));
    scene.begin(2, 4);
    scene.drain();
    scene.pass(121s);
    EXPECT_FALSE(scene.drain().empty());
}

TEST(GatewayWatches, AnOrderlyStopEndsThem) {
    WatchScene scene;
    scene.ask_all({watch(1, "k"), watch(2, "k")});
    scene.begin(1, 4);
    scene.drain();
    scene.applied(7, 1);
    scene.deliver(Stop{});
    expect_failure(scene.reply(), "BUSY", "no");  // the one that had no answer yet
    const std::vector<Json> replies = scene.streamed();
    ASSERT_EQ(replies.size(), 1U);
    expect_failure(replies[0], "BUSY", "no");
    EXPECT_EQ(replies[0]["revision"], 7);
    EXPECT_EQ(scene.count<Stopped>(), 0U);
    scene.taken();
    EXPECT_EQ(scene.count<Stopped>(), 1U);
}

TEST(GatewayWatches, AStopDoesNotWaitForWhoDoesNotRead) {
    WatchScene scene;
    scene.ask(watch(1, "k"));
    scene.begin(1, 4);
    scene.streamed();
    scene.taken(0);
    scene.deliver(Stop{});
    scene.pass(600ms);
    EXPECT_EQ(scene.count<Stopped>(), 1U);
}

}  // namespace
}  // namespace raftbus::testing
