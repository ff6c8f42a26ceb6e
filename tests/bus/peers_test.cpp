// Two nodes over TCP: what reaches the other, what is heard of its life, and who is sent away.
#include "bus/preamble.hpp"
#include "tests/bus/toy_node.hpp"
#include "tests/bus/wire.hpp"

namespace raftbus::testing {
namespace {

constexpr auto A = ActorName::election;
constexpr auto B = ActorName::replicator;
constexpr auto C = ActorName::storage;

class TwoNodes : public ::testing::Test {
protected:
    std::vector<std::uint16_t> ports{free_port(), free_port()};
    ToyNode one{1, ports};
    ToyNode two{2, ports};

    void start_both() {
        one.start();
        two.start();
        one.received<PeerUp>(A);
        two.received<PeerUp>(A);
    }
    // Sends to node 2 as soon as, and as often as, node 1 is connected to it.
    template <class M>
    void send_when_up(ActorName to, M message) {
        one.scripts[A].receive = [=](Context& me, const Envelope&, const AnyMessage& m) {
            if (std::holds_alternative<PeerUp>(m)) me.send({NodeId(2), to}, message);
        };
    }
};

TEST_F(TwoNodes, AMessageReachesTheActorWithItsBodies) {
    AppendEntries entries{.term = Term(3)};
    for (int i = 0; i < 3; ++i)
        entries.batches.push_back(
            {BatchHeader{.first = LogIndex(i + 1u), .count = 1},
             SharedBytes::own(std::string(5000, static_cast<char>('a' + i)))});
    send_when_up(B, entries);
    start_both();
    const auto [envelope, got] = two.received<AppendEntries>(B);
    EXPECT_EQ(got, entries);
    EXPECT_EQ(envelope.from, one.at(A));
    EXPECT_EQ(envelope.to, two.at(B));
    EXPECT_TRUE(envelope.cause) << "PeerUp caused it";
}

TEST_F(TwoNodes, AMessageReachesAnActorOfAnotherWorker) {
    send_when_up(C, Heartbeat{.term = Term(3)});
    start_both();
    EXPECT_EQ(two.received<Heartbeat>(C).second.term, Term(3));
}

TEST_F(TwoNodes, AnActorWithoutNetworkSocketsSendsThroughTheWorkerThatHasThem) {
    const SharedBytes body = SharedBytes::own(std::string(5000, 'x'));
    one.scripts[A].receive = [](Context& me, const Envelope&, const AnyMessage& m) {
        if (std::holds_alternative<PeerUp>(m)) me.send({me.self().node, C}, TermSaved{});
    };
    one.scripts[C].receive = [=](Context& me, const Envelope&, const AnyMessage&) {
        me.send({NodeId(2), B}, Propose{.term = Term(1), .body = body});
    };
    start_both();
    const auto [envelope, propose] = two.received<Propose>(B);
    EXPECT_EQ(propose.body, body);
    EXPECT_EQ(envelope.from, one.at(C));
}

TEST_F(TwoNodes, OrderIsKeptOnTheWay) {
    constexpr std::uint64_t count = 500;
    one.scripts[A].receive = [](Context& me, const Envelope&, const AnyMessage& m) {
        if (!std::holds_alternative<PeerUp>(m)) return;
        for (std::uint64_t i = 1; i <= count; ++i)
            me.send({NodeId(2), B}, Heartbeat{.round = Round(i)});
    };
    start_both();
    for (std::uint64_t i = 1; i <= count; ++i)
        ASSERT_EQ(two.received<Heartbeat>(B).second.round, Round(i));
}

TEST_F(TwoNodes, ThoseWhoCareHearOfAPeersDeathAndReturn) {
    const auto those = {A, B, ActorName::gateway};
    one.start();
    for (int life = 0; life < 3; ++life) {
        two.start();
        for (const ActorName actor : those) {
            const auto [envelope, up] = one.received<PeerUp>(actor);
            EXPECT_EQ(up.peer, NodeId(2));
            EXPECT_EQ(envelope.from, one.at(ActorName::bus));
        }
        two.kill();
        for (const ActorName actor : those)
            EXPECT_EQ(one.received<PeerLost>(actor).second.peer, NodeId(2));
    }
    EXPECT_EQ(one.count<PeerUp>(C), 0u);
}

TEST_F(TwoNodes, NothingIsQueuedForAPeerThatIsNotThere) {
    one.scripts[A].start = [](Context& me) {
        for (int i = 0; i < 100; ++i) me.send({NodeId(2), B}, Heartbeat{});
        me.send(me.self(), TermSaved{});
    };
    one.start();
    one.received<TermSaved>(A);
    EXPECT_EQ(one.node().counts().peer_unsent, 100u);
    EXPECT_EQ(one.node().counts().peer_sent, 0u);
}

TEST_F(TwoNodes, WhatTheReceiverDoesNotTakeIsDropped) {
    two.scripts[B].takes = [](const AnyMessage& m) { return std::holds_alternative<PeerLost>(m); };
    send_when_up(B, Heartbeat{});
    start_both();
    two.logged("replicator takes no Heartbeat");
    EXPECT_EQ(two.node().counts().peer_malformed, 1u);
    one.kill();
    two.received<PeerLost>(B);
    EXPECT_EQ(two.count<PeerUp>(B), 0u) << "the bus's news are for whoever takes them";
}

// ---- who cannot be reached

TEST_F(TwoNodes, APeerThatIsNotThereIsNamedWithTheReason) {
    one.start();
    one.logged("peer 2 at " + loopback(ports[1]) + " cannot be reached: connection refused");
    two.start();
    one.logged("peer 2 at " + loopback(ports[1]) + " can be reached again");
}

TEST_F(TwoNodes, APeerWhoseNameIsUnknownIsNamedWithTheReason) {
    one.config.members[1].peer = "tcp://no-such-host.invalid:7239";
    one.start();
    one.logged("cannot be reached: its host name cannot be resolved");
}

// ---- who is sent away

TEST_F(TwoNodes, ANodeOfAnotherClusterIsRefusedAndBothSaySo) {
    two.config.cluster = "others";
    send_when_up(B, Heartbeat{});
    one.start();
    two.start();
    two.logged("refused node 1 of another cluster");
    one.logged("it belongs to cluster \"others\", this node to \"toys\"");
    EXPECT_EQ(two.count<Heartbeat>(B), 0u);
}

TEST_F(TwoNodes, ANodeThatIsMistakenForAnotherSaysWhoItIs) {
    // Node 1's list gives node 2's address to node 3.
    one.config.members = {one.config.members[0], {.node = NodeId(3), .peer = loopback(ports[1])}};
    one.scripts[A].receive = [](Context& me, const Envelope&, const AnyMessage& m) {
        if (std::holds_alternative<PeerUp>(m)) me.send({NodeId(3), B}, Heartbeat{});
    };
    one.start();
    two.start();
    two.logged("it takes this node, 2, for node 3");
    one.logged("peer 3 at " + loopback(ports[1]) + " refuses this node: it is node 2");
}

TEST_F(TwoNodes, AStrangerIsRefused) {
    two.config.members.erase(two.config.members.begin());  // it does not know node 1
    send_when_up(B, Heartbeat{});
    one.start();
    two.start();
    two.logged("refused node 1: it is not among the members that this node knows");
    one.logged("node 1 is not among the members that it knows");
}

TEST_F(TwoNodes, AClientsPortInPlaceOfAPeersIsNamed) {
    two.scripts[ActorName::gateway].receive = [](Context& me, const Envelope& from,
                                                 const AnyMessage& m) {
        const auto* requests = std::get_if<ClientRequests>(&m);
        if (requests == nullptr) return;
        ClientReplies replies;
        for (const ClientFrame& frame : requests->frames)
            replies.frames.push_back({frame.route, SharedBytes::own("BAD_REQUEST")});
        me.send(from.from, replies);
    };
    one.config.members[1].peer = two.config.client_bind;
    send_when_up(B, Heartbeat{});
    one.start();
    two.start();
    one.logged("does not answer as a raftbus peer; is that its port for clients?");
}

TEST_F(TwoNodes, AnOlderReleaseIsToldSo) {
    two.start();
    Wire old(zmq::socket_type::dealer, two.config.peer_bind);
    old.send(
        {encode_preamble({.version = kVersions.newest + 1, .from = NodeId(1), .to = NodeId(2)}), "?"});
    const auto answer = old.receive();
    ASSERT_TRUE(answer);
    const auto refusal = decode_refusal(answer->at(0));
    ASSERT_TRUE(refusal.ok());
    EXPECT_EQ(refusal->cause, RefusalCause::wrong_version);
    EXPECT_EQ(refusal->version, kVersions.newest);
    two.logged("refused node 1, which speaks version 3: this node speaks 1..2; upgrade this node");
}

TEST_F(TwoNodes, TwoProcessesWithOneIdAreFoundAndBothAreTold) {
    two.config.link.takeover = Duration::zero();
    ToyNode twin{1, ports};
    twin.config.peer_bind = loopback(free_port());
    for (ToyNode* node : {&one, &twin}) {
        node->scripts[A].start = [](Context& me) { me.set_timer(1, 10ms); };
        node->scripts[A].timer = [](Context& me, TimerId) {
            me.send({NodeId(2), B}, Heartbeat{});
            me.set_timer(1, 10ms);
        };
    }
    two.start();
    one.start();
    two.received<Heartbeat>(B);
    twin.start();
    two.logged("two processes run with node id 1");
    one.logged("another process with node id 1 runs in this cluster");
}

TEST_F(TwoNodes, ANodeThatMeetsItselfSaysSo) {
    two.start();
    Wire twin(zmq::socket_type::dealer, two.config.peer_bind);
    twin.send({encode_preamble({.version = kWireVersion,
                                .cluster = cluster_hash("toys"),
                                .from = NodeId(2),
                                .incarnation = 5,
                                .to = NodeId(2)}),
               "?"});
    two.logged("two processes run with node id 2");
}

}  // namespace
}  // namespace raftbus::testing
