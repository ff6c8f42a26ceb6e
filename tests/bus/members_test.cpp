// Connections that follow the membership while the node runs, and who is sent away.
#include "tests/bus/toy_node.hpp"

namespace raftbus::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto A = ActorName::election;
constexpr auto B = ActorName::replicator;

class ThreeNodes : public ::testing::Test {
protected:
    ThreeNodes() {
        one.config.members.pop_back();  // it has not heard of node 3
        three.scripts[A].start = [](Context& me) { me.set_timer(1, 0ms); };
        three.scripts[A].timer = [](Context& me, TimerId) {  // speaks to node 1 all the time
            me.send({NodeId(1), A}, Heartbeat{});
            me.set_timer(1, 20ms);
        };
    }
    Member member(std::uint32_t n) const {
        return {.node = NodeId(n), .peer = loopback(ports[n - 1])};
    }
    static void reconfigure(Context& me, Reconfigured news) {
        me.send({me.self().node, ActorName::bus}, std::move(news));
    }

    std::vector<std::uint16_t> ports{free_port(), free_port(), free_port()};
    ToyNode one{1, ports};
    ToyNode three{3, ports};
};

TEST_F(ThreeNodes, AStrangerIsRefused) {
    one.start();
    three.start();
    EXPECT_NE(one.logged("refused node 3").find("not among the members"), std::string::npos);
    three.logged("not among the members that it knows");
}

TEST_F(ThreeNodes, LinksAreMadeAndEndedAndMadeAgain) {
    const Reconfigured with{.index = LogIndex(1), .peers = {member(2), member(3)}};
    const Reconfigured without{.index = LogIndex(2), .peers = {member(2)}};
    one.scripts[B].start = [=](Context& me) { reconfigure(me, with); };
    one.scripts[B].receive = [=, times = std::make_shared<int>(0)](Context& me, const Envelope&,
                                                                   const AnyMessage& m) {
        if (m == AnyMessage(PeerUp{NodeId(3)}) && ++*times <= 3) reconfigure(me, without);
        if (m == AnyMessage(PeerLost{NodeId(3)})) reconfigure(me, with);
    };
    one.start();
    three.start();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(one.received<PeerUp>(A).second.peer, NodeId(3));
    one.received<Heartbeat>(A);
}

// An older release lets them into the log.
TEST_F(ThreeNodes, AnAddressThatNobodyCanUseEndsNoNode) {
    Reconfigured news{.index = LogIndex(1), .peers = {member(3)}};
    std::uint32_t node = 10;
    for (const char* wrong :
         {"", "tcp://$HOST:7239", "tcp://a,b:1", "tcp://-x:1", "tcp://_x:1", "tcp://(:1", "ipc://x",
          "tcp://::1:1", "tcp://[::1:1", "tcp://0.0.0.0:1", "tcp://h:1:2", "inproc://x", "x"})
        news.peers.push_back({.node = NodeId(node++), .peer = wrong});
    one.scripts[B].start = [=](Context& me) { reconfigure(me, news); };
    one.start();
    three.start();
    EXPECT_EQ(one.received<PeerUp>(A).second.peer, NodeId(3));
    EXPECT_NE(one.logged("no connection to peer 11").find("'$'"), std::string::npos);
    one.received<Heartbeat>(A);
}

TEST_F(ThreeNodes, MoreMembersThanLibzmqHasSocketsForByItselfEndNoNode) {
    Reconfigured news{.index = LogIndex(1)};
    for (std::uint32_t node = 10; node < 360; ++node)
        news.peers.push_back({.node = NodeId(node), .peer = loopback(ports[1])});
    news.peers.push_back(member(3));
    one.scripts[B].start = [=](Context& me) { reconfigure(me, news); };
    one.start();
    three.start();
    EXPECT_EQ(one.received<PeerUp>(A).second.peer, NodeId(3));
}

TEST_F(ThreeNodes, AMemberThatMovesIsReachedAtItsNewAddress) {
    Member elsewhere = member(3);
    elsewhere.peer = loopback(ports[1]);  // nobody listens there
    one.scripts[B].start = [=](Context& me) {
        reconfigure(me, {.index = LogIndex(1), .peers = {elsewhere}});
        me.set_timer(1, 50ms);
    };
    one.scripts[B].timer = [=, this](Context& me, TimerId) {
        reconfigure(me, {.index = LogIndex(2), .peers = {member(3)}});
    };
    one.start();
    three.start();
    EXPECT_EQ(one.received<PeerUp>(A).second.peer, NodeId(3));
}

TEST_F(ThreeNodes, AMessageToANodeThatIsNoMemberAnyMoreIsLost) {
    one.scripts[B].start = [](Context& me) {
        me.send({NodeId(3), B}, Heartbeat{});
        me.send({me.self().node, A}, TermSaved{});
    };
    one.start();
    one.received<TermSaved>(A);
    EXPECT_EQ(one.node().counts().peer_unsent, 1u);
}

// M4
TEST_F(ThreeNodes, ARemovedNodeIsToldSoWithTheConfigurationThatSaysIt) {
    one.scripts[B].start = [=, this](Context& me) {
        reconfigure(me, {.index = LogIndex(9),
                         .peers = {member(2)},
                         .removed = {NodeId(3)},
                         .committed = LogIndex(7)});
    };
    one.start();
    three.start();
    const auto told = three.received<RemovalTold>(B).second;
    EXPECT_EQ(told.index, LogIndex(7));
    EXPECT_EQ(told.by, NodeId(1));
    EXPECT_EQ(one.count<Heartbeat>(A), 0u);
    three.logged("node 3 was removed from the cluster");
}

// Raft §6: node 1 lags behind, and is needed.
TEST_F(ThreeNodes, AStrangerThatKnowsALaterConfigurationIsHeardAndAnswered) {
    three.scripts[B].start = [=, this](Context& me) {
        reconfigure(me, {.index = LogIndex(9), .peers = {member(1), member(2)}});
    };
    one.scripts[A].receive = [](Context& me, const Envelope& envelope, const AnyMessage& m) {
        if (std::holds_alternative<PeerUp>(m)) me.send({NodeId(3), B}, NewerTerm{Term(4)});
        const bool connection =
            std::holds_alternative<PeerUp>(m) || std::holds_alternative<PeerLost>(m);
        EXPECT_TRUE(connection || envelope.from.node == NodeId(3)) << to_text(m);
    };
    one.start();
    three.start();
    one.received<Heartbeat>(A);
    EXPECT_EQ(one.received<PeerUp>(A).second.peer, NodeId(3));
    EXPECT_EQ(three.received<NewerTerm>(B).second.term, Term(4));
}

}  // namespace
}  // namespace raftbus::testing
