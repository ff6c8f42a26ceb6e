// Bytes that no friend would send, thrown at both ROUTERs. The node lives on and answers the
// others.
#include <random>

#include "bus/preamble.hpp"
#include "tests/bus/toy_node.hpp"
#include "tests/bus/wire.hpp"

namespace raftbus::testing {
namespace {

class Malformed : public ::testing::Test {
protected:
    std::vector<std::uint16_t> ports{free_port(), free_port()};
    ToyNode node{1, ports};
    std::uint16_t client_port = free_port();

    void SetUp() override {
        node.config.client_bind = loopback(client_port);
        node.scripts[ActorName::gateway].receive = [](Context& me, const Envelope& from,
                                                      const AnyMessage& m) {
            const auto* requests = std::get_if<ClientRequests>(&m);
            if (requests == nullptr) return;
            ClientReplies replies;
            for (const ClientFrame& frame : requests->frames)
                replies.frames.push_back(
                    {frame.route, frame.body.value_or(SharedBytes::own("BAD_REQUEST"))});
            me.send(from.from, replies);
        };
        node.start();
    }

    std::string preamble() const {
        return encode_preamble({.version = kWireVersion,
                                .cluster = cluster_hash("toys"),
                                .from = NodeId(2),
                                .incarnation = 9,
                                .to = NodeId(1)});
    }
    static EncodedMessage heartbeat(Address from, Address to) {
        return encode({.from = from, .to = to, .number = 1}, Heartbeat{.term = Term(77)});
    }
    // A client and a peer that behave are served.
    void expect_alive() {
        Wire client(zmq::socket_type::req, node.config.client_bind);
        client.send({"hello"});
        EXPECT_EQ(client.receive(), std::vector<std::string>{"hello"});
        Wire peer(zmq::socket_type::dealer, node.config.peer_bind);
        expect_served(peer);
    }
    // So is this peer; what it sent before has been dealt with.
    void expect_served(Wire& peer) {
        const Address replicator = node.at(ActorName::replicator);
        peer.send({preamble(), heartbeat({NodeId(2), ActorName::replicator}, replicator).head});
        EXPECT_EQ(node.received<Heartbeat>(ActorName::replicator).second.term, Term(77));
    }
};

TEST_F(Malformed, BareTcpRubbish) {
    std::mt19937 random{1};
    for (int i = 0; i < 300; ++i) {
        std::string bytes(random() % 300, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        // Some get past the greeting of ZMTP 3.0 before they go wrong.
        if (i % 3 == 0)
            bytes = std::string("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL", 16) +
                    std::string(48, '\0') + bytes;
        write_tcp(i % 2 == 0 ? ports[0] : client_port, bytes);
    }
    expect_alive();
}

TEST_F(Malformed, AClientAtThePeersPortIsToldWhereClientsConnect) {
    Wire client(zmq::socket_type::req, node.config.peer_bind);
    client.send({std::string("\x81\xa2op\xa6STATUS", 11)});
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->at(0).find("BAD_REQUEST"), std::string::npos);
    EXPECT_NE(answer->at(0).find("clients connect to " + node.config.client_bind),
              std::string::npos);
    Wire proxy(zmq::socket_type::dealer, node.config.peer_bind);
    proxy.send({"route", "of a proxy", "", "body"});
    const auto routed = proxy.receive();
    ASSERT_TRUE(routed);
    ASSERT_EQ(routed->size(), 4u);
    EXPECT_EQ(routed->at(1), "of a proxy");
    expect_alive();
}

TEST_F(Malformed, FramesOfRubbish) {
    std::mt19937 random{2};
    for (const std::string& endpoint : {node.config.peer_bind, node.config.client_bind}) {
        Wire wire(zmq::socket_type::dealer, endpoint);
        for (int i = 0; i < 500; ++i) {
            std::vector<std::string> frames(1 + random() % 6);
            for (std::string& frame : frames) {
                frame.resize(random() % 60);
                for (char& c : frame) c = static_cast<char>(random());
            }
            if (i % 2 == 0) frames[0] = preamble();
            wire.send(frames);
        }
    }
    expect_alive();
}

TEST_F(Malformed, AHugeNumberOfFrames) {
    for (const std::string& endpoint : {node.config.peer_bind, node.config.client_bind}) {
        Wire wire(zmq::socket_type::dealer, endpoint);
        std::vector<std::string> frames(50'000, "x");
        frames[0] = preamble();
        wire.send(frames);
    }
    expect_alive();
}

TEST_F(Malformed, EveryTruncationOfAMessage) {
    Wire peer(zmq::socket_type::dealer, node.config.peer_bind);
    const EncodedMessage whole =
        encode({.from = {NodeId(2), ActorName::replicator},
                .to = node.at(ActorName::replicator),
                .number = 1},
               AppendEntries{.term = Term(5),
                             .batches = {{BatchHeader{.count = 1}, SharedBytes::own("body")}}});
    for (std::size_t size = 0; size < whole.head.size(); ++size)
        peer.send({preamble(), whole.head.substr(0, size)});
    for (std::size_t size = 0; size < preamble().size(); ++size)
        peer.send({preamble().substr(0, size), whole.head});
    expect_served(peer);
    EXPECT_EQ(node.count<AppendEntries>(ActorName::replicator), 0u);
    EXPECT_EQ(node.node().counts().peer_malformed, whole.head.size() + preamble().size());
}

TEST_F(Malformed, NestingAndLengthsThatPromiseGigabytes) {
    Wire peer(zmq::socket_type::dealer, node.config.peer_bind);
    for (const std::string& bytes :
         {std::string(1'000'000, '\x91'), std::string("\xdd\xff\xff\xff\xff"),
          std::string("\xdf\xff\xff\xff\xff"), std::string("\xc6\xff\xff\xff\xff"),
          std::string("\xdb\xff\xff\xff\xff")}) {
        peer.send({bytes, "head"});
        peer.send({preamble(), bytes});
    }
    expect_served(peer);
    EXPECT_EQ(node.node().counts().peer_malformed, 10u);
}

TEST_F(Malformed, AFrameOverTheLimitEndsThatConnectionOnly) {
    {
        Wire client(zmq::socket_type::dealer, node.config.client_bind);
        client.send({"", std::string((16u << 20) + 1, 'x')});
    }
    expect_alive();
    EXPECT_LE(node.node().counts().client_received, 1u);
}

TEST_F(Malformed, MessagesThatAPeerMayNotSendAreDroppedBeforeAnyActor) {
    Wire peer(zmq::socket_type::dealer, node.config.peer_bind);
    const Address me = node.at(ActorName::election);
    const Address it{NodeId(2), ActorName::election};
    peer.send({preamble(), encode({.from = it, .to = me, .number = 1}, Stop{}).head});
    peer.send({preamble(), encode({.from = it, .to = me, .number = 2}, Lead{Term(9)}).head});
    peer.send({preamble(), heartbeat({NodeId(1), ActorName::election}, me).head});  // forged sender
    peer.send({preamble(), heartbeat(it, {NodeId(3), ActorName::election}).head});
    peer.send({preamble(), heartbeat(it, node.at(ActorName::bus)).head});
    expect_served(peer);
    EXPECT_EQ(node.node().counts().peer_malformed, 5u);
    EXPECT_EQ(node.node().counts().peer_received, 1u);
    EXPECT_EQ(node.count<Stop>(ActorName::election), 0u);
}

}  // namespace
}  // namespace raftbus::testing
