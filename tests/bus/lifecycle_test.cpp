// How a node begins and ends: well, not at all, or badly.
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <set>
#include <thread>

#include "bus/endpoint.hpp"
#include "storage/disk.hpp"
#include "tests/bus/toy_node.hpp"
#include "tests/bus/wire.hpp"

namespace raftbus::testing {
namespace {

constexpr auto A = ActorName::election;
constexpr auto B = ActorName::replicator;
constexpr auto C = ActorName::storage;

std::string error_of(const NodeConfig& config) {
    auto node = Node::open(config, [](ActorName, Context&) { return std::unique_ptr<Actor>(); });
    return node.ok() ? "" : node.error().message;
}

class Lifecycle : public ::testing::Test {
protected:
    std::vector<std::uint16_t> ports{free_port(), free_port()};
    ToyNode one{1, ports};
    ToyNode two{2, ports};
};

TEST_F(Lifecycle, APortThatIsTakenIsNamedWithTheReasonAndWhatToDo) {
    one.start();
    ToyNode late{1, ports};
    EXPECT_EQ(error_of(late.config),
              "cannot bind " + loopback(ports[0]) +
                  " for peers: Address already in use; is another node running? see who holds it: "
                  "ss -ltnp 'sport = :" +
                  std::to_string(ports[0]) + "'");
}

TEST_F(Lifecycle, WithoutKeysOnlyLoopbackIsBound) {
    for (const std::string host : {"0.0.0.0", "*", "192.168.1.1"}) {
        one.config.client_bind = "tcp://" + host + ":7238";
        EXPECT_NE(error_of(one.config).find("--insecure-bind"), std::string::npos) << host;
    }
    one.config.client_bind = "tcp://0.0.0.0:" + std::to_string(free_port());
    one.config.insecure_bind = true;
    EXPECT_NO_FATAL_FAILURE(one.start());
}

TEST_F(Lifecycle, AThreadThatSpinsServesAllTheSame) {
    one.config.threads.spin = 2ms;
    one.scripts[A].start = [](Context& me) { me.set_timer(1, 5ms); };
    one.scripts[A].timer = [&](Context& me, TimerId) { me.send(one.at(C), Fence{Term(4)}); };
    one.scripts[C].receive = [&](Context& me, const Envelope& from, const AnyMessage&) {
        me.send(from.from, TermSeen{Term(5)});
    };
    one.start();
    EXPECT_EQ(one.received<Fence>(C).second.term, Term(4));
    EXPECT_EQ(one.received<TermSeen>(A).second.term, Term(5));
    one.kill();  // while it spins, or sleeps
}

TEST_F(Lifecycle, ThreadsStayOnTheirProcessors) {
    const auto processors = [] {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        EXPECT_EQ(pthread_getaffinity_np(pthread_self(), sizeof cpus, &cpus), 0);
        std::set<int> numbers;
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(static_cast<std::size_t>(cpu), &cpus)) numbers.insert(cpu);
        return numbers;
    };
    const int here = sched_getcpu();
    one.config.threads.cpus = {here};
    Happened<std::set<int>> seen;
    for (const ActorName actor : {A, C})
        one.scripts[actor].start = [&](Context&) { seen.add(processors()); };
    one.start();
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(seen.take([](const auto&) { return true; }), std::set<int>{here});
    one.kill();
}

TEST_F(Lifecycle, AConfigThatMakesNoSenseIsRefused) {
    NodeConfig config = one.config;
    config.members.erase(config.members.begin());
    EXPECT_NE(error_of(config).find("node 1 is not among its own peers"), std::string::npos);
    config = one.config;
    config.members.push_back(config.members[1]);
    EXPECT_NE(error_of(config).find("node 2 stands twice"), std::string::npos);
    config = one.config;
    config.client_bind = "nonsense";
    config.insecure_bind = true;
    EXPECT_NE(error_of(config).find("cannot bind nonsense for clients"), std::string::npos);
}

TEST_F(Lifecycle, AnEphemeralPortIsWarnedOf) {
    const auto range = ephemeral_ports();
    if (!range) GTEST_SKIP() << "the kernel does not tell its ephemeral ports";
    one.config.members[1].peer = loopback(range->second);
    one.start();
    one.logged(
        "warning "
        "n1.bus: " +
        loopback(range->second) + " lies among the ports");
}

TEST_F(Lifecycle, StopGoesToElectionThenToTheGatewayThenEnds) {
    auto order = std::make_shared<std::vector<std::string>>();
    for (const ActorName actor : {A, ActorName::gateway})
        one.scripts[actor].receive = [=](Context& me, const Envelope& from, const AnyMessage& m) {
            if (!std::holds_alternative<Stop>(m)) return;
            order->push_back(std::string(to_string(me.self().actor)));
            me.send(from.from, Stopped{});
        };
    one.start();
    one.node().stop();
    EXPECT_TRUE(one.node().wait());
    EXPECT_EQ(*order, (std::vector<std::string>{"election", "gateway"}));
}

TEST_F(Lifecycle, StopDoesNotWaitForEverForAnActorThatDoesNotAnswer) {
    one.config.stop_election_limit = one.config.stop_gateway_limit = 10ms;
    one.start();
    one.node().stop();
    EXPECT_TRUE(one.node().wait());
    one.logged("did not stop in time");
    EXPECT_EQ(one.count<Stop>(ActorName::gateway), 1u);
}

TEST_F(Lifecycle, WhatTheGatewaySaysLastReachesTheClient) {
    auto waiting = std::make_shared<ClientRequests>();
    one.scripts[A].receive = [](Context& me, const Envelope& from, const AnyMessage& m) {
        if (std::holds_alternative<Stop>(m)) me.send(from.from, Stopped{});
    };
    one.scripts[ActorName::gateway].receive = [=](Context& me, const Envelope& from,
                                                  const AnyMessage& m) {
        if (const auto* requests = std::get_if<ClientRequests>(&m)) *waiting = *requests;
        if (!std::holds_alternative<Stop>(m)) return;
        me.send(from.from, ClientReplies{waiting->frames});
        me.send(from.from, Stopped{});
    };
    one.start();
    Wire client(zmq::socket_type::req, one.config.client_bind);
    client.send({"wait for me"});
    one.received<ClientRequests>(ActorName::gateway);
    one.node().stop();
    EXPECT_TRUE(one.node().wait());
    EXPECT_EQ(client.receive(), (std::vector<std::string>{"wait for me"}));
}

// ---- badly

TEST_F(Lifecycle, AFailedCheckIsNamedWithNodeActorAndState) {
    one.scripts[B].start = [](Context&) { CHECK(1 == 2, "arithmetic"); };
    one.start();
    const std::string text = one.fatal();
    EXPECT_NE(text.find("node 1 replicator (a toy): check failed: 1 == 2 (arithmetic)"),
              std::string::npos)
        << text;
    EXPECT_FALSE(one.node().wait());
}

TEST_F(Lifecycle, AMessageThatItsActorDoesNotTakeIsABug) {
    one.scripts[A].start = [](Context& me) { me.send({me.self().node, B}, Fence{}); };
    one.scripts[B].takes = [](const AnyMessage&) { return false; };
    one.start();
    EXPECT_NE(one.fatal().find("n1.replicator takes no Fence"), std::string::npos);
}

TEST_F(Lifecycle, AFailedDiskEndsTheNodeAndSoDoesAFailedJob) {
    one.scripts[C].start = [](Context&) { throw DiskFailed("fdatasync of log-1: EIO"); };
    one.start();
    EXPECT_NE(one.fatal().find("fdatasync of log-1: EIO"), std::string::npos);
    two.scripts[C].start = [](Context& me) {
        me.run_in_background(1, [] { throw DiskFailed("flush: EIO"); });
    };
    two.start();
    EXPECT_NE(two.fatal().find("background job): flush: EIO"), std::string::npos);
    EXPECT_FALSE(two.node().wait());
}

TEST_F(Lifecycle, AfterAFailureNoMessageLeavesTheNode) {
    // Storage fails while node 1's election is in the middle of a handler; what it then sends to
    // its peer must not arrive.
    auto failed = std::make_shared<std::atomic<bool>>(false);
    one.config.on_fatal = [=](const std::string&) { *failed = true; };
    one.scripts[A].receive = [=](Context& me, const Envelope&, const AnyMessage& m) {
        if (!std::holds_alternative<PeerUp>(m)) return;
        me.send({NodeId(2), B}, Heartbeat{.round = Round(1)});
        me.send({me.self().node, C}, TermSaved{});
        while (!*failed) std::this_thread::yield();
        me.send({NodeId(2), B}, Heartbeat{.round = Round(2)});
    };
    one.scripts[C].receive = [](Context&, const Envelope&, const AnyMessage&) {
        throw DiskFailed("EIO");
    };
    two.start();
    one.start();
    EXPECT_FALSE(one.node().wait());
    EXPECT_EQ(one.node().counts().peer_sent, 1u);
}

TEST_F(Lifecycle, AFailureShowsWhatHappenedJustBefore) {
    one.scripts[A].start = [](Context& me) { me.send({me.self().node, B}, Fence{Term(66)}); };
    one.scripts[B].receive = [](Context&, const Envelope&, const AnyMessage&) { CHECK(false); };
    one.start();
    one.fatal();
    one.logged("recent: ");
    one.logged("n1.replicator <- n1.election Fence term=66");
}

}  // namespace
}  // namespace raftbus::testing
