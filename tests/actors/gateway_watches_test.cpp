// WATCH and CANCEL at the gateway: what clients are told, and how fast.
#include "messages/route.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus::testing {
namespace {

Json watch(const Json& id, const std::string& key, const Json& more = Json::object()) {
    Json request{{"op", "WATCH"}, {"id", id}, {"key", key}};
    request.update(more);
    return request;
}

WatchEvent event(std::uint64_t revision, const std::string& value) {
    std::string pairs;
    client::append_event(pairs, client::KeyEvent::set, "k", value, revision);
    return {revision, SharedBytes::own(std::move(pairs))};
}

class WatchScene : public GatewayScene {
public:
    explicit WatchScene(const GatewayOptions& options = {}) : GatewayScene(options) {}

    void state(AnyMessage message) {
        deliver(std::move(message), neighbour(ActorName::state_machine));
    }
    void begin(std::uint64_t watch, std::uint64_t after) {
        state(Watching{WatchNumber(watch), LogIndex(after)});
        state(WatchEvents{{}, {{WatchNumber(watch), {}, LogIndex(after), false}}});
    }
    void tell(std::uint64_t watch, const std::vector<std::uint64_t>& revisions, bool past = false) {
        WatchEvents events;
        WatchShare share{WatchNumber(watch), {}, LogIndex(revisions.back()), past};
        for (const std::uint64_t revision : revisions) {
            share.events.push_back(static_cast<std::uint32_t>(events.events.size()));
            events.events.push_back(event(revision, std::to_string(revision)));
        }
        events.shares.push_back(share);
        state(std::move(events));
    }
    // "client: {reply}" of all that has been sent to the bus since the last call.
    std::vector<Json> streamed(const std::string& client = "client") {
        std::vector<Json> all;
        for (const StreamReplies& burst : context.take<StreamReplies>()) {
            last_burst = burst;
            for (const StreamFrame& frame : burst.frames)
                if (frame.route.view() == client)
                    all.push_back(Json::from_msgpack(frame.body.view()));
        }
        return all;
    }
    // The bus has taken the last burst that was looked at; or so many of its frames, of one client.
    void taken() { deliver(StreamsTaken{last_burst.burst, {}}); }
    void taken(std::uint64_t count, bool gone = false) {
        deliver(StreamsTaken{last_burst.burst, {{last_burst.frames.at(0).stream, count, gone}}});
    }
    // All that comes out when everything is taken at once.
    std::vector<Json> drain(const std::string& client = "client") {
        std::vector<Json> all;
        for (;;) {
            const std::vector<Json> some = streamed(client);
            if (some.empty()) return all;
            all.insert(all.end(), some.begin(), some.end());
            taken();
        }
    }

    StreamReplies last_burst;
};

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
