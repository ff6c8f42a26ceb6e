// Replies that clients do not take: how much of them there may be, and that nothing is read from
// the state for those who let them lie.

#include "actors/unread.hpp"

#include <gtest/gtest.h>

#include "actors/in_flight.hpp"
#include "messages/route.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus::testing {
namespace {

std::string route(std::string_view connection, std::string_view own = {}) {
    if (own.empty()) return pack_route(std::vector<std::string_view>{connection, ""});
    return pack_route(std::vector<std::string_view>{connection, own, ""});
}

TEST(Route, NamesTheConnectionByItsFirstFrame) {
    EXPECT_EQ(client_of(route("abcde", "1")), client_of(route("abcde", "2")));
    EXPECT_EQ(client_of(route("abcde")), client_of(route("abcde", "2")));
    EXPECT_NE(client_of(route("abcde")), client_of(route("abcdf")));
    EXPECT_EQ(client_of("client"), "client") << "no route at all";
    EXPECT_EQ(client_of(""), "");
}

TEST(InFlightLimit, CountsConnectionsWhateverFramesTheyAdd) {
    InFlight in_flight({.requests_max = 100, .requests_per_client_max = 2, .bytes_max = 1000});
    for (const char* own : {"1", "2"}) {
        const std::string way = route("abcde", own);
        ASSERT_FALSE(in_flight.full(way, 1));
        in_flight.add({.route = SharedBytes::copy(way)});
    }
    EXPECT_TRUE(in_flight.full(route("abcde", "3"), 1));
    EXPECT_FALSE(in_flight.full(route("other", "3"), 1));
    EXPECT_EQ(in_flight.clients(), 1u);
}

TEST(Unread, CountsLongRepliesUntilTheyAreTaken) {
    Unread unread({.bytes_max = 100'000, .bytes_per_client_max = 10'000});
    const std::string a = route("a"), b = route("b");
    unread.given(a, 100);
    EXPECT_EQ(unread.bytes(), 0u) << "short";
    unread.given(a, 9'900);
    EXPECT_FALSE(unread.full(a));
    unread.given(a, 2'000);
    EXPECT_TRUE(unread.full(a));
    EXPECT_TRUE(unread.full(route("a", "frames of its own")));
    EXPECT_FALSE(unread.full(b));
    unread.taken(client_of(a), 5'000);
    EXPECT_FALSE(unread.full(a));
    unread.taken(client_of(a), 1'000'000);
    EXPECT_EQ(unread.bytes(), 0u) << "never less than nothing";
}

TEST(Unread, RoutesCount) {
    Unread unread({.bytes_max = 100'000, .bytes_per_client_max = 10'000});
    unread.given(route("a", std::string(2'000, 'r')), 50);
    EXPECT_GT(unread.bytes(), 2'000u);
}

TEST(Unread, RefusalsThatAreMadeLongAreDroppedForWhoReadsNothing) {
    GatewayOptions options;
    options.unread_bytes_per_client_max = 10'000;
    GatewayScene scene(options);
    const Json wrong{{"op", "NO SUCH OP"}, {"id", std::string(3'000, 'i')}};
    std::size_t answered = 0;
    for (int i = 0; i < 100; ++i) {
        scene.ask(wrong);
        answered += scene.take_replies().size();
    }
    EXPECT_GT(answered, 3u);
    EXPECT_LT(answered, 10u);
    scene.ask({{"op", "NO SUCH OP"}, {"id", 1}});
    expect_failure(scene.reply(), "BAD_REQUEST", "no");
    scene.ask({{"op", "STATUS"}, {"id", std::string(3'000, 'i')}});
    EXPECT_TRUE(scene.take_replies().empty()) << "whose answer would be long";
    scene.deliver(RepliesTaken{{{SharedBytes::copy("client"), 100'000}}});
    scene.ask(wrong);
    EXPECT_EQ(scene.take_replies().size(), 1u);
}

TEST(InFlightLimit, CountsRoutesAndIds) {
    GatewayOptions options;
    options.bytes_max = 5'000;
    GatewayScene scene(options);
    scene.ask_all({set(1, "k")}, route("a", std::string(6'000, 'r')));
    EXPECT_EQ(scene.take_replies().size(), 1u) << "BUSY";
    scene.ask_all({set(1, "k")}, route("a", std::string(4'000, 'r')));
    EXPECT_TRUE(scene.take_replies().empty());
}

TEST(Unread, ThoseWhoDoNotReadLeaveRoomForThoseWhoDo) {
    Unread unread({.bytes_max = 1'000'000, .bytes_per_client_max = 1'000'000});
    for (int round = 0; round < 1'000; ++round)
        for (int i = 0; i < 20; ++i)
            if (const std::string lazy = route("lazy" + std::to_string(i)); !unread.full(lazy))
                unread.given(lazy, 2'000);
    EXPECT_LT(unread.bytes(), 1'000'000u);
    EXPECT_FALSE(unread.full(route("eager")));
    unread.given(route("lazy1"), 900'000);
    EXPECT_TRUE(unread.full(route("lazy2"))) << "more than the limit, however that came";
    EXPECT_FALSE(unread.full(route("eager")));
    unread.given(route("lazy1"), 200'000);
    EXPECT_TRUE(unread.full(route("eager"))) << "twice the limit";
}

TEST(GatewayUnread, ReadsNoMoreFromTheStateThanTheClientTakes) {
    GatewayOptions options;
    options.unread_bytes_per_client_max = 10'000;
    GatewayScene scene(options);
    std::vector<Json> requests;
    for (int id = 1; id <= 4; ++id) {
        Json request = get(id, "k" + std::to_string(id));
        request["consistency"] = "local";
        requests.push_back(request);
    }
    scene.ask_all(requests);
    ReadState read = scene.sent<ReadState>();
    EXPECT_EQ(read.queries.size(), 4u);
    EXPECT_LT(read.bytes_max, 1u << 30);
    const auto item = [](std::size_t bytes) {
        return GetAnswer{Item{{}, SharedBytes::own(std::string(bytes, 'v')), 1}};
    };
    const auto answer = [&](std::vector<Answer> answers) {
        scene.deliver(StateRead{read.read, LogIndex(1), std::move(answers)},
                      GatewayScene::neighbour(ActorName::state_machine));
    };
    // Two of four: the state machine had reached the limit of what it answers at once.
    answer({item(6'000), item(1'000)});
    EXPECT_EQ(scene.take_replies().size(), 2u);
    read = scene.sent<ReadState>();
    ASSERT_EQ(read.queries.size(), 2u) << "the others are asked for now";
    EXPECT_EQ(std::get<GetQuery>(read.queries[0]).key.view(), "k3");
    // The third exceeds what this client may leave unread; the fourth is not even read.
    answer({item(6'000)});
    EXPECT_EQ(scene.take_replies().size(), 1u);
    EXPECT_EQ(scene.count<ReadState>(), 0u);
    scene.ask_all({requests[0]});
    EXPECT_EQ(scene.count<ReadState>(), 0u) << "nor are later ones";
    scene.ask_all({requests[0]}, "another client");
    EXPECT_EQ(scene.count<ReadState>(), 1u) << "others are served";
    scene.ask({{"op", "LOG"}, {"id", 9}});
    expect_failure(scene.reply(), "BUSY", "no");

    scene.deliver(RepliesTaken{{{SharedBytes::copy("client"), 20'000}}});
    read = scene.sent<ReadState>();
    ASSERT_EQ(read.queries.size(), 2u) << "it has read them, so its other reads go on";
    EXPECT_EQ(std::get<GetQuery>(read.queries[0]).key.view(), "k4");
    EXPECT_EQ(std::get<GetQuery>(read.queries[1]).key.view(), "k1");
    answer({item(11'000), item(1)});
    EXPECT_EQ(scene.take_replies().size(), 2u);
    scene.ask_all({requests[0]});
    scene.pass(10s);
    const auto late = scene.take_replies();
    for (const auto& [route, reply] : late)
        if (route == "client") expect_failure(reply, "BUSY", "no");
    EXPECT_EQ(late.size(), 2u) << "with the other client's, whom the state never answered";
}

TEST(ParkedReads, ForgetsWhatWasAnsweredMeanwhile) {
    InFlight in_flight(
        {.requests_max = 1'000'000, .requests_per_client_max = 1'000'000, .bytes_max = 1'000'000});
    ParkedReads parked(in_flight);
    for (int i = 0; i < 100'000; ++i) {
        const RequestKey key = in_flight.add({.route = SharedBytes::copy("client")});
        parked.park("client", {key, GetQuery{}, LogIndex(), false});
        in_flight.take(key);
    }
    EXPECT_LT(parked.size(), 5'000u);
    EXPECT_TRUE(parked.take([](std::string_view) { return true; }).empty());
    EXPECT_EQ(parked.size(), 0u);
}

TEST(GatewayUnread, StatusTellsWhatIsUnderWay) {
    GatewayScene scene;
    scene.ask(set(1, "k"));
    scene.deliver(ClientsConnected{7, 3});
    scene.ask({{"op", "STATUS"}, {"id", 2}});
    const std::uint64_t ask = scene.context.take<AskReport>().at(0).ask;
    scene.deliver(ElectionReport{ask}, GatewayScene::neighbour(ActorName::election));
    scene.deliver(ReplicatorReport{.ask = ask}, GatewayScene::neighbour(ActorName::replicator));
    scene.deliver(StateReport{ask}, GatewayScene::neighbour(ActorName::state_machine));
    const Json status = scene.reply();
    EXPECT_EQ(status["in_flight"], 2);
    EXPECT_GT(status["in_flight_bytes"], 10);
    EXPECT_EQ(status["unread_bytes"], 0);
    EXPECT_EQ(status["clients"], 7);
    EXPECT_EQ(status["clients_refused"], 3);
    EXPECT_FALSE(status.contains("diverged"));
}

}  // namespace
}  // namespace raftbus::testing
