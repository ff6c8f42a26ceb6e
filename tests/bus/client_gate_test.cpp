// How many clients may be connected: the count by itself, and at a real port.
#include "bus/connection_count.hpp"
#include "tests/bus/toy_node.hpp"
#include "tests/bus/wire.hpp"

namespace raftbus::testing {
namespace {

using namespace std::chrono_literals;

class Count : public ::testing::Test {
protected:
    ConnectionCount count_{2, 4s};
    Moment now_{1h};
};

TEST_F(Count, PermissionsCountUntilTheirConnectionsAreKnown) {
    count_.accepted(11, now_);
    EXPECT_TRUE(count_.admit(now_));
    EXPECT_EQ(count_.connected(), 1u);
    count_.heard(11);
    EXPECT_EQ(count_.connected(), 1u) << "the same one";
    count_.accepted(12, now_);
    EXPECT_TRUE(count_.admit(now_));
    count_.accepted(13, now_);
    EXPECT_FALSE(count_.admit(now_));
    EXPECT_EQ(count_.refused(), 1u);
    count_.closed(13);
    EXPECT_EQ(count_.connected(), 2u) << "that one never counted";
    count_.closed(11);
    EXPECT_EQ(count_.connected(), 1u);
    EXPECT_TRUE(count_.admit(now_));
}

TEST_F(Count, WhoIsSilentIsKnownByItsAge) {
    count_.accepted(11, now_);
    EXPECT_TRUE(count_.admit(now_));
    now_ += 4s;
    count_.settle(now_);
    EXPECT_FALSE(count_.wonders());
    EXPECT_EQ(count_.connected(), 1u);
    count_.closed(11);
    EXPECT_EQ(count_.connected(), 0u);
}

TEST_F(Count, WhoLeavesWithoutAWordIsForgotten) {
    for (int fd : {11, 12}) {
        count_.accepted(fd, now_);
        EXPECT_TRUE(count_.admit(now_));
        count_.closed(fd);
    }
    EXPECT_FALSE(count_.admit(now_)) << "not known yet whose permissions these are";
    now_ += 4s;
    EXPECT_TRUE(count_.admit(now_));
}

TEST_F(Count, RefusedOnesThatLingerTakeNoRoom) {
    for (int fd : {11, 12}) {
        count_.accepted(fd, now_);
        EXPECT_TRUE(count_.admit(now_));
        count_.heard(fd);
    }
    for (int fd = 20; fd < 30; ++fd) {
        count_.accepted(fd, now_);
        EXPECT_FALSE(count_.admit(now_));
    }
    count_.closed(11);
    EXPECT_TRUE(count_.admit(now_)) << "at once, though ten others are still open";
}

TEST_F(Count, ADescriptorThatComesAgainIsAnotherConnection) {
    count_.accepted(11, now_);
    EXPECT_TRUE(count_.admit(now_));
    count_.heard(11);
    count_.accepted(11, now_);
    EXPECT_EQ(count_.connected(), 0u);
    count_.closed(12);
    count_.heard(12);
    EXPECT_EQ(count_.connected(), 0u) << "never heard of";
}

// Answers each frame with its body.
void echo(Context& me, const Envelope& from, const AnyMessage& message) {
    const auto* requests = std::get_if<ClientRequests>(&message);
    if (requests == nullptr) return;
    ClientReplies replies;
    for (const ClientFrame& frame : requests->frames)
        replies.frames.push_back({frame.route, frame.body.value_or(SharedBytes())});
    me.send(from.from, replies);
}

TEST(ClientGate, OneMoreIsServedWhenAnotherLeaves) {
    using Message = std::vector<std::string>;
    ToyNode node{1, {free_port()}};
    node.config.client_port.connections_max = 2;
    node.scripts[ActorName::gateway].receive = echo;
    node.start();
    auto first = std::make_unique<Wire>(zmq::socket_type::dealer, node.config.client_bind);
    Wire second(zmq::socket_type::dealer, node.config.client_bind);
    first->send({"", "1"});
    EXPECT_EQ(first->receive(), (Message{"", "1"}));
    second.send({"", "2"});
    EXPECT_EQ(second.receive(), (Message{"", "2"}));
    Wire third(zmq::socket_type::dealer, node.config.client_bind);
    third.send({"", "3"});
    EXPECT_NE(node.logged("refused a client"), "");
    second.send({"", "still"});
    EXPECT_EQ(second.receive(), (Message{"", "still"})) << "nobody else is disturbed";
    first.reset();
    EXPECT_EQ(third.receive(), (Message{"", "3"})) << "it went on trying by itself";
}

TEST(ClientGate, TellsTheGatewayWhatIsTakenOfLongReplies) {
    ToyNode node{1, {free_port()}};
    node.scripts[ActorName::gateway].receive = echo;
    node.start();
    Wire client(zmq::socket_type::dealer, node.config.client_bind);
    client.send({"", std::string(100'000, 'x')});
    EXPECT_EQ(client.receive()->at(1).size(), 100'000u);
    EXPECT_EQ(node.received<RepliesTaken>(ActorName::gateway).second.clients.at(0).bytes, 100'000u);
}

}  // namespace
}  // namespace raftbus::testing
