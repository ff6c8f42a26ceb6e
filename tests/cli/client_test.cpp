#include "cli/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/test_server.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Value::Map kGet{{"op", "GET"}, {"key", Blob{"k"}}};
const Value::Map kSet{{"op", "SET"}, {"key", Blob{"k"}}, {"value", Blob{"v"}}};

Reaction fine(const Value&) {
    return reply({{"ok", true}, {"revision", std::uint64_t(7)}});
}

// How a call ends that throws.
Failure failure_of(Client& client, const Value::Map& request, Effect effect) {
    try {
        const Reply reply = client.call(request, effect);
        return Failure(Exit::done, "answered: " + std::string(reply.error()));
    } catch (const Failure& failure) {
        return failure;
    }
}

TEST(Client, GoesOnToTheNextEndpointAndRemembersIt) {
    DeadEndpoint down;
    TestServer up(fine);
    Client client({down.endpoint(), up.endpoint()}, 5s);
    EXPECT_EQ(client.call(kSet, Effect::writes).body["revision"].number(), 7U);
    EXPECT_EQ(client.preferred(), up.endpoint());
    EXPECT_TRUE(client.call(kGet, Effect::reads).ok());
    EXPECT_THAT(up.ops(), ElementsAre("SET", "GET"));
}

TEST(Client, SaysThatNobodyIsReachable) {
    DeadEndpoint one, two;
    Client client({one.endpoint(), two.endpoint()}, 5s);
    const Failure failure = failure_of(client, kGet, Effect::reads);
    EXPECT_EQ(failure.exit, Exit::unreachable);
    EXPECT_THAT(failure.what(), HasSubstr(one.endpoint().substr(6)));
    EXPECT_THAT(failure.what(), HasSubstr("connection refused"));
    EXPECT_THAT(failure.next, HasSubstr("cluster.sh up"));
}

TEST(Client, AWriteWhoseOutcomeIsUnknownIsNotRepeated) {
    TestServer breaks([](const Value&) { return hang_up(); });
    TestServer other(fine);
    Client client({breaks.endpoint(), other.endpoint()}, 5s);
    const Failure failure = failure_of(client, kSet, Effect::writes);
    EXPECT_EQ(failure.exit, Exit::unknown);
    EXPECT_THAT(failure.what(), HasSubstr("whether it was executed is unknown"));
    EXPECT_THAT(breaks.ops(), ElementsAre("SET"));
    EXPECT_THAT(other.ops(), IsEmpty());
}

TEST(Client, AReadIsAskedOfTheNextNode) {
    TestServer breaks([](const Value&) { return hang_up(); });
    TestServer other(fine);
    Client client({breaks.endpoint(), other.endpoint()}, 5s);
    EXPECT_TRUE(client.call(kGet, Effect::reads).ok());
    EXPECT_THAT(other.ops(), ElementsAre("GET"));
}

TEST(Client, AWriteWithoutAnAnswerIsUnknownToo) {
    TestServer mute([](const Value&) { return silence(); });
    Client client({mute.endpoint()}, 100ms);
    EXPECT_EQ(failure_of(client, kSet, Effect::writes).exit, Exit::unknown);
    EXPECT_THAT(mute.ops(), ElementsAre("SET"));
}

TEST(Client, WhatWasNotExecutedIsTriedAgainElsewhere) {
    TestServer lost([](const Value&) { return refuse_with("NO_LEADER"); });
    TestServer led(fine);
    Client client({lost.endpoint(), led.endpoint()}, 5s);
    EXPECT_TRUE(client.call(kSet, Effect::writes).ok());
    EXPECT_THAT(lost.ops(), ElementsAre("SET"));
    EXPECT_THAT(led.ops(), ElementsAre("SET"));
}

TEST(Client, TriesAgainOnlyUntilTheTimeout) {
    TestServer lost([](const Value&) { return refuse_with("NO_LEADER"); });
    Client client({lost.endpoint()}, 200ms);
    const Reply last = client.call(kSet, Effect::writes);
    EXPECT_EQ(last.error(), "NO_LEADER");
    EXPECT_GT(lost.ops().size(), 1U);
}

TEST(Client, ATimeoutEndsAWriteButNotARead) {
    int asked = 0;
    TestServer slow([&](const Value& request) {
        return ++asked == 1 ? refuse_with("TIMEOUT", "unknown") : fine(request);
    });
    Client client({slow.endpoint()}, 5s);
    EXPECT_EQ(client.call(kSet, Effect::writes).error(), "TIMEOUT");
    asked = 0;
    EXPECT_TRUE(client.call(kGet, Effect::reads).ok());
}

// A node that opens session 40, and does with writes what it is told.
TestServer::Handler with_session(TestServer::Handler handler) {
    return [handler](const Value& request) {
        if (request["op"].text() == "SESSION")
            return reply({{"ok", true}, {"session", std::uint64_t(40)}});
        return handler(request);
    };
}

// "40/1": session and number.
std::string place(const Value& request) {
    return std::to_string(request["session"].number()) + "/" +
           std::to_string(request["seq"].number());
}

TEST(ClientSession, IsOpenedBeforeTheFirstWriteAndNumbersAll) {
    std::vector<std::string> places;
    TestServer node(with_session([&](const Value& request) {
        places.push_back(place(request));
        return fine(request);
    }));
    Client client({node.endpoint()}, 5s);
    EXPECT_TRUE(client.call(kGet, Effect::reads).ok());
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_TRUE(client.call(kSet, Effect::writes).ok());
    EXPECT_THAT(node.ops(), ElementsAre("GET", "SESSION", "SET", "SET", "SET"));
    EXPECT_THAT(places, ElementsAre("0/0", "40/1", "40/2", "0/0"));
}

TEST(ClientSession, AWriteWithoutAnAnswerIsRepeatedElsewhereUnderItsNumber) {
    std::vector<std::string> places;
    TestServer breaks(with_session([&](const Value& request) {
        places.push_back(place(request));
        return hang_up();
    }));
    TestServer other([&](const Value& request) {
        places.push_back(place(request));
        return fine(request);
    });
    Client client({breaks.endpoint(), other.endpoint()}, 5s);
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_THAT(other.ops(), ElementsAre("SET"));
    EXPECT_THAT(places, ElementsAre("40/1", "40/1"));
}

TEST(ClientSession, AWriteThatTimesOutIsRepeated) {
    int asked = 0;
    TestServer slow(with_session([&](const Value& request) {
        return ++asked == 1 ? refuse_with("TIMEOUT", "unknown") : fine(request);
    }));
    Client client({slow.endpoint()}, 5s);
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_THAT(slow.ops(), ElementsAre("SESSION", "SET", "SET"));
}

TEST(ClientSession, ThatIsGoneIsReplacedIfNothingMayHaveHappenedUnderIt) {
    int asked = 0;
    TestServer node(with_session([&](const Value& request) {
        return ++asked == 2 ? refuse_with("SESSION_EXPIRED") : fine(request);
    }));
    Client client({node.endpoint()}, 5s);
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_THAT(node.ops(), ElementsAre("SESSION", "SET", "SET", "SESSION", "SET"));
}

TEST(ClientSession, C2_ThatIsGoneAfterAnAttemptWithoutAnAnswerLeavesTheWriteUnknown) {
    TestServer breaks(with_session([](const Value&) { return hang_up(); }));
    TestServer other([](const Value&) { return refuse_with("SESSION_EXPIRED"); });
    Client client({breaks.endpoint(), other.endpoint()}, 5s);
    const Failure failure = failure_of(client, kSet, Effect::writes_once);
    EXPECT_EQ(failure.exit, Exit::unknown);
    EXPECT_THAT(failure.what(), HasSubstr("SESSION_EXPIRED"));
    EXPECT_THAT(other.ops(), ElementsAre("SET"));
}

TEST(ClientSession, ARefusalAfterAnAttemptWithoutAnAnswerLeavesTheWriteUnknown) {
    TestServer breaks(with_session([](const Value&) { return hang_up(); }));
    TestServer other([](const Value&) { return refuse_with("NO_LEADER"); });
    Client client({breaks.endpoint(), other.endpoint()}, 300ms);
    EXPECT_EQ(failure_of(client, kSet, Effect::writes_once).exit, Exit::unknown);
    TestServer breaks_too(with_session([](const Value&) { return hang_up(); }));
    TestServer knows([](const Value&) { return refuse_with("CONDITION_FAILED"); });
    Client lucky({breaks_too.endpoint(), knows.endpoint()}, 5s);
    EXPECT_EQ(lucky.call(kSet, Effect::writes_once).error(), "CONDITION_FAILED")
        << "the session's answer";
}

TEST(ClientSession, ThatCanNotBeOpenedMeansThatNothingWasWritten) {
    TestServer mute([](const Value&) { return silence(); });
    Client client({mute.endpoint()}, 1s);
    EXPECT_EQ(failure_of(client, kSet, Effect::writes_once).exit, Exit::not_executed);
    EXPECT_THAT(mute.ops(), ElementsAre("SESSION"));
    TestServer lost([](const Value&) { return refuse_with("NO_LEADER"); });
    Client other({lost.endpoint()}, 1s);
    EXPECT_EQ(other.call(kSet, Effect::writes_once).error(), "NO_LEADER");
}

TEST(ClientSession, AClusterWithoutSessionsGetsTheWriteAsItIs) {
    TestServer old([](const Value& request) {
        return request["op"].text() == "SESSION" ? refuse_with("UNSUPPORTED") : fine(request);
    });
    Client client({old.endpoint()}, 5s);
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_TRUE(client.call(kSet, Effect::writes_once).ok());
    EXPECT_THAT(old.ops(), ElementsAre("SESSION", "SET", "SET"));
}

TEST(Client, AnswersToOlderRequestsAreDropped) {
    TestServer stutters([](const Value&) {
        return Reaction{{{{"ok", true}, {"revision", std::uint64_t(1)}, {"id", std::uint64_t(999)}},
                         {{"ok", true}, {"revision", std::uint64_t(2)}}}};
    });
    Client client({stutters.endpoint()}, 5s);
    EXPECT_EQ(client.call(kGet, Effect::reads).body["revision"].number(), 2U);
}

TEST(Client, TellsTheNodeHowLongItWillWait) {
    TestServer echo([](const Value& request) {
        return reply({{"ok", true}, {"told", request["timeout_ms"]}});
    });
    Client client({echo.endpoint()}, 700ms);
    const std::uint64_t told = client.call(kSet, Effect::writes).body["told"].number();
    EXPECT_GT(told, 0U);
    EXPECT_LE(told, 700U);
}

TEST(Client, AsksEachOnce) {
    DeadEndpoint down;
    TestServer one(fine), two(fine);
    Client client({one.endpoint()}, 5s);
    const auto answers =
        client.ask_each({one.endpoint(), down.endpoint(), two.endpoint()}, {{"op", "STATUS"}}, 2s);
    ASSERT_EQ(answers.size(), 3U);
    EXPECT_TRUE(answers[0].reply && answers[2].reply);
    EXPECT_FALSE(answers[1].reply);
    EXPECT_EQ(answers[1].reason, "connection refused");
}

TEST(Client, RefusalsHaveTheirExitCodes) {
    const auto exit = [](const char* code, const char* executed = "no") {
        return exit_of(Value::Map{{"ok", false}, {"error", code}, {"executed", executed}});
    };
    EXPECT_EQ(exit("CONDITION_FAILED"), Exit::answered_no);
    EXPECT_EQ(exit("BAD_REQUEST"), Exit::refused);
    EXPECT_EQ(exit("TOO_LARGE"), Exit::refused);
    EXPECT_EQ(exit("UNSUPPORTED"), Exit::refused);
    EXPECT_EQ(exit("NO_LEADER"), Exit::not_executed);
    EXPECT_EQ(exit("BUSY"), Exit::not_executed);
    EXPECT_EQ(exit("NO_SPACE"), Exit::not_executed);
    EXPECT_EQ(exit("TIMEOUT", "unknown"), Exit::unknown);
    EXPECT_EQ(exit("UNAUTHORIZED"), Exit::unauthorized);
    EXPECT_EQ(exit("SOMETHING_NEW", "unknown"), Exit::unknown);
}

}  // namespace
}  // namespace raftbus::cli
