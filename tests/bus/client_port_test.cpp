// Clients at their port: every shape of envelope comes back, and none of them holds up the others.
#include "bus/client_port.hpp"
#include "messages/route.hpp"
#include "tests/bus/toy_node.hpp"
#include "tests/bus/wire.hpp"

namespace raftbus::testing {
namespace {

using Message = std::vector<std::string>;

// Answers each frame with its body, or says that there was none.
void echo(Context& me, const Envelope& from, const AnyMessage& message) {
    const auto* requests = std::get_if<ClientRequests>(&message);
    if (requests == nullptr) return;
    ClientReplies replies;
    for (const ClientFrame& frame : requests->frames)
        replies.frames.push_back({frame.route, frame.body.value_or(SharedBytes::own(
                                                   frame.fault == ClientFault::frames ? "frames"
                                                   : frame.fault == ClientFault::route_bytes
                                                       ? "route"
                                                       : "no body"))});
    me.send(from.from, replies);
}

class ClientPortTest : public ::testing::Test {
protected:
    ToyNode node{1, {free_port()}};

    void SetUp() override { node.scripts[ActorName::gateway].receive = echo; }
    std::optional<Message> answer_to(zmq::socket_type type, const Message& message) {
        Wire client(type, node.config.client_bind);
        client.send(message);
        return client.receive();
    }
};

TEST_F(ClientPortTest, ReqAndDealerAreAnswered) {
    node.start();
    EXPECT_EQ(answer_to(zmq::socket_type::req, {"body"}), (Message{"body"}));
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {"", "body"}), (Message{"", "body"}));
}

TEST_F(ClientPortTest, AClientsOwnFramesComeBackUnchanged) {
    node.start();
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {"mine", "42", "", "body"}),
              (Message{"mine", "42", "", "body"}));
}

TEST_F(ClientPortTest, WhatIsNoRequestIsAnsweredAllTheSame) {
    node.start();
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {"body"}), (Message{"", "no body"}));
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {"a", "b"}), (Message{"", "no body"}));
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {""}), (Message{"", "no body"}));
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {"a", ""}), (Message{"a", "", "no body"}));
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {"", "one", "two"}), (Message{"", "no body"}));
    EXPECT_EQ(node.node().counts().client_malformed, 5u);
}

TEST_F(ClientPortTest, LimitsOfFramesAndOfTheRouteAreToldAlongTheRoute) {
    node.start();
    const Message own(40, "proxy");
    Message message = own, answer = own;
    message.insert(message.end(), {"", "body"});
    answer.insert(answer.end(), {"", "frames"});
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, message), answer);
    message = {"mine", ""};
    message.insert(message.end(), 40, "body");
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, message), (Message{"mine", "", "frames"}));
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, Message(2'000, "x")), (Message{"", "frames"}));
    const std::string large(20'000, 'r');
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {large, "", "body"}),
              (Message{large, "", "route"}));
}

TEST_F(ClientPortTest, AnEmptyBodyIsABody) {
    node.start();
    EXPECT_EQ(answer_to(zmq::socket_type::dealer, {"", ""}), (Message{"", ""}));
}

TEST_F(ClientPortTest, LargeBodiesGoBothWays) {
    node.start();
    const std::string body((16 << 20) - 100, 'x');
    EXPECT_EQ(answer_to(zmq::socket_type::req, {body}), (Message{body}));
}

TEST_F(ClientPortTest, AGatewayOnAnotherThreadIsServedJustTheSame) {
    node.config.layout = {{"net", {ActorName::election}}, {"gate", {ActorName::gateway}}};
    node.start();
    EXPECT_EQ(answer_to(zmq::socket_type::req, {"body"}), (Message{"body"}));
}

TEST_F(ClientPortTest, FiveThousandRequestsOnOneSocketAreAllAnsweredInBursts) {
    node.start();
    Wire client(zmq::socket_type::dealer, node.config.client_bind);
    client.socket().set(zmq::sockopt::sndhwm, 0);
    client.socket().set(zmq::sockopt::rcvhwm, 0);
    for (int i = 0; i < 5000; ++i) client.send({"", std::to_string(i)});
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(client.receive(), (Message{"", std::to_string(i)}));
}

TEST_F(ClientPortTest, AClientThatReadsNothingHoldsUpNobody) {
    node.config.client_port.replies_waiting_max = 10;
    node.scripts[ActorName::gateway].receive = [](Context& me, const Envelope& from,
                                                  const AnyMessage& message) {
        const auto* requests = std::get_if<ClientRequests>(&message);
        if (requests == nullptr) return;
        ClientReplies replies;
        for (const ClientFrame& frame : requests->frames) {
            const bool big = frame.body && frame.body->view() == "big";
            replies.frames.push_back(
                {frame.route, SharedBytes::own(big ? std::string(1 << 20, 'x') : "small")});
        }
        me.send(from.from, replies);
    };
    node.start();
    Wire deaf(zmq::socket_type::dealer, node.config.client_bind);
    deaf.socket().set(zmq::sockopt::rcvhwm, 1);
    for (int i = 0; i < 200; ++i) deaf.send({"", "big"});
    node.logged("dropped a reply: a client does not read");
    EXPECT_EQ(answer_to(zmq::socket_type::req, {"hello"}), (Message{"small"}));
    EXPECT_GT(node.node().counts().client_unsent, 0u);
}

TEST_F(ClientPortTest, AReplyToAClientThatHasGoneIsDropped) {
    auto kept = std::make_shared<std::vector<ClientFrame>>();
    node.scripts[ActorName::gateway].receive = [=](Context& me, const Envelope& from,
                                                   const AnyMessage& message) {
        if (const auto* requests = std::get_if<ClientRequests>(&message)) {
            // The first request is answered only when the second comes, by then to nobody.
            for (const ClientFrame& frame : requests->frames)
                kept->push_back({frame.route, frame.body});
            if (kept->size() < 2) return;
            me.send(from.from, ClientReplies{*kept});
        }
    };
    node.start();
    {
        Wire gone(zmq::socket_type::dealer, node.config.client_bind);
        gone.send({"", "first"});
        node.received<ClientRequests>(ActorName::gateway);
    }
    EXPECT_EQ(answer_to(zmq::socket_type::req, {"second"}), (Message{"second"}));
}

// The gateway tries what was not taken again, and nothing overtakes it: a client that begins to
// read late gets all of it, in order.
TEST_F(ClientPortTest, AStreamStopsWhereItsClientDoesNotReadAndLosesNothing) {
    constexpr std::uint64_t kFrames = 300;
    node.config.client_port.replies_waiting_max = 10;
    auto route = std::make_shared<SharedBytes>();
    auto sent = std::make_shared<std::uint64_t>(0);
    const auto send = [=](Context& me) {
        StreamReplies replies{*sent + 1, {}};
        for (std::uint64_t i = *sent; i < kFrames; ++i) {
            std::string body = std::to_string(i);
            body.resize(100'000, ' ');
            replies.frames.push_back({1, *route, SharedBytes::own(std::move(body))});
        }
        me.send({me.self().node, ActorName::bus}, std::move(replies));
    };
    auto& script = node.scripts[ActorName::gateway];
    script.receive = [=](Context& me, const Envelope&, const AnyMessage& message) {
        if (const auto* requests = std::get_if<ClientRequests>(&message)) {
            *route = requests->frames.front().route;
            send(me);
        } else if (const auto* taken = std::get_if<StreamsTaken>(&message)) {
            if (taken->stopped.empty()) return;
            *sent += taken->stopped.front().taken;
            me.set_timer(1, Duration(1'000));
        }
    };
    script.timer = [=](Context& me, TimerId) { send(me); };
    node.start();
    Wire late(zmq::socket_type::dealer, node.config.client_bind);
    late.socket().set(zmq::sockopt::rcvhwm, 1);
    late.send({"", "begin"});
    const auto [envelope, first] = node.received<StreamsTaken>(ActorName::gateway);
    ASSERT_EQ(first.stopped.size(), 1U);
    EXPECT_FALSE(first.stopped.front().gone);
    for (std::uint64_t i = 0; i < kFrames; ++i) {
        const auto message = late.receive();
        ASSERT_TRUE(message.has_value()) << i;
        ASSERT_EQ(std::stoull(message->at(1)), i);
    }
}

TEST_F(ClientPortTest, AStreamToAClientThatHasGoneIsToldSo) {
    node.scripts[ActorName::gateway].receive = [](Context& me, const Envelope& from,
                                                  const AnyMessage& message) {
        if (!std::holds_alternative<ClientRequests>(message)) return;
        const std::string_view nobody[] = {"nobody", ""};
        const SharedBytes route = SharedBytes::own(pack_route(nobody));
        me.send(from.from, StreamReplies{7, {{3, route, SharedBytes::own("x")}}});
    };
    node.start();
    Wire client(zmq::socket_type::dealer, node.config.client_bind);
    client.send({"", "begin"});
    const auto [envelope, taken] = node.received<StreamsTaken>(ActorName::gateway);
    EXPECT_EQ(taken.stopped, (std::vector<StreamStop>{{3, 0, true}}));
    EXPECT_EQ(taken.burst, 7U);
}

TEST(RouteCache, SharesTheMemoryOfRoutesThatAreAlike) {
    RouteCache routes;
    const SharedBytes first = routes.shared("one");
    EXPECT_EQ(routes.shared("one").data(), first.data());
    const std::string long_route(100, 'x');
    EXPECT_NE(routes.shared(long_route).data(), routes.shared(long_route).data()) << "not kept";
    for (int i = 0; i < 1'000; ++i) {
        const std::string route = "route " + std::to_string(i);
        ASSERT_EQ(routes.shared(route).view(), route);
    }
    EXPECT_EQ(first.view(), "one");
}

TEST(Route, PacksFramesAndUnpacksThemAgain) {
    const std::vector<std::string_view> frames{std::string_view("\0\1\2\3\4", 5), "", "proxy", ""};
    const std::string packed = pack_route(frames);
    std::string_view rest = packed;
    for (const std::string_view frame : frames) EXPECT_EQ(take_frame(rest), frame);
    EXPECT_TRUE(rest.empty());
    EXPECT_FALSE(take_frame(rest));
    rest = std::string_view(packed).substr(0, 8);
    EXPECT_FALSE(take_frame(rest)) << "cut short";
    rest = "\xff\xff\xff\xff";
    EXPECT_FALSE(take_frame(rest));
}

}  // namespace
}  // namespace raftbus::testing
