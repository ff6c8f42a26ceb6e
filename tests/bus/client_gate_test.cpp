// How many clients may be connected: the count by itself, and at a real port.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/connection_count.hpp"
#include "bus/endpoint.hpp"
#include "bus/open_files.hpp"
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

// A TCP connection to that port of 127.0.0.1, without ZeroMQ.
class RawTcp {
public:
    explicit RawTcp(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    }
    // Until libzmq at the other end has accepted it, and says so by its greeting.
    void await_greeting() {
        char first = 0;
        EXPECT_EQ(recv(fd_, &first, 1, 0), 1);
    }
    ~RawTcp() { close(fd_); }
    void send(std::string_view bytes) {
        EXPECT_EQ(write(fd_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }

private:
    int fd_;
};

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

TEST(ClientGate, WhoSpeaksAnOlderProtocolIsNamedInTheLog) {
    ToyNode node{1, {free_port()}};
    node.scripts[ActorName::gateway].receive = echo;
    node.start();
    Wire modern(zmq::socket_type::dealer, node.config.client_bind);
    modern.send({"", "1"});
    EXPECT_EQ(modern.receive(), (std::vector<std::string>{"", "1"}));
    // A greeting of ZMTP 2.0, as libzmq 3.2 sends it: signature, revision, socket type DEALER.
    const std::string greeting("\xff\0\0\0\0\0\0\0\1\x7f\1\5\0\0", 14);
    RawTcp old(*port_of(node.config.client_bind));
    old.send(greeting);
    EXPECT_NE(node.logged("ZMTP 1.0 or 2.0").find("ZMTP 3"), std::string::npos);
    modern.send({"", "2"});
    EXPECT_EQ(modern.receive(), (std::vector<std::string>{"", "2"}));
}

TEST(ClientGate, ClosesThePortBeforeTheFilesAreUsedUpAndOpensItAgain) {
    ToyNode node{1, {free_port()}};
    node.config.client_port.connections_max = 4;
    node.config.client_port.accepted_max = 8;
    node.scripts[ActorName::gateway].receive = echo;
    node.start();
    std::vector<std::unique_ptr<RawTcp>> silent;
    Wire early(zmq::socket_type::dealer, node.config.client_bind);
    early.send({"", "1"});
    EXPECT_EQ(early.receive(), (std::vector<std::string>{"", "1"}));
    for (int i = 0; i < 7; ++i) {
        silent.push_back(std::make_unique<RawTcp>(*port_of(node.config.client_bind)));
        silent.back()->await_greeting();
    }
    EXPECT_NE(node.logged("closed the clients' port").find("8 connections are open"),
              std::string::npos);
    early.send({"", "2"});
    EXPECT_EQ(early.receive(), (std::vector<std::string>{"", "2"})) << "those that stand stay";
    silent.clear();
    EXPECT_NE(node.logged("further clients may connect again"), "");
    Wire client(zmq::socket_type::dealer, node.config.client_bind);
    client.send({"", "1"});
    EXPECT_EQ(client.receive(), (std::vector<std::string>{"", "1"}));
}

TEST(OpenFiles, ClientsGetWhatIsLeft) {
    EXPECT_EQ(share_files(20'000, 200, 300, 10'000), (ClientFiles{10'000, 14'096}));
    EXPECT_EQ(share_files(1'024, 100, 200, 10'000), (ClientFiles{543, 724}));
    EXPECT_EQ(share_files(200, 100, 80, 10'000), (ClientFiles{15, 20}));
    EXPECT_EQ(share_files(100, 100, 80, 10'000), (ClientFiles{1, 5}));
    EXPECT_EQ(share_files(UINT64_MAX, 100, 80, 50), (ClientFiles{50, 4'146}));
    EXPECT_GT(open_files(), 2u);
    EXPECT_LE(open_files(), open_files_limit());
}

TEST(ClientGate, TellsTheGatewayWhatIsTakenOfLongReplies) {
    ToyNode node{1, {free_port()}};
    node.scripts[ActorName::gateway].receive = echo;
    node.start();
    Wire client(zmq::socket_type::dealer, node.config.client_bind);
    client.send({"", std::string(100'000, 'x')});
    EXPECT_EQ(client.receive()->at(1).size(), 100'000u);
    EXPECT_EQ(node.received<RepliesTaken>(ActorName::gateway).second.clients.at(0).bytes,
              100'013u);  // the frames of its route count, too
}

}  // namespace
}  // namespace raftbus::testing
