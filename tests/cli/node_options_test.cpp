#include "cli/node_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "cli/failure.hpp"
#include "cli/node_logger.hpp"

namespace raftbus::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kPeers =
    "2=tcp://127.0.0.1:7249,1=tcp://127.0.0.1:7239,3=tcp://127.0.0.1:7259";

// A node's settings from a sound command line with more behind it.
NodeSettings settings_with(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--id", "2", "--data", "d", "--peers", kPeers};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return node_settings(parse_arguments(node_option_specs(), arguments));
}

std::string refusal_of(const std::vector<std::string>& arguments) {
    try {
        node_settings(parse_arguments(node_option_specs(), arguments));
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.exit, Exit::refused);
        return std::string(failure.what()) + " | " + failure.next;
    }
    return "not refused";
}

std::string refusal_with(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--id", "2", "--data", "d", "--peers", kPeers};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return refusal_of(arguments);
}

TEST(NodeOptions, DefaultsAreThoseOfTheActors) {
    const NodeSettings settings = settings_with({});
    const RaftOptions raft;
    EXPECT_EQ(settings.raft.heartbeat, raft.heartbeat);
    EXPECT_EQ(settings.raft.election_timeout_min, raft.election_timeout_min);
    EXPECT_TRUE(settings.raft.fast_failover);
    EXPECT_FALSE(settings.raft.lease);
    EXPECT_EQ(settings.client_bind, "tcp://127.0.0.1:7248");
    EXPECT_EQ(settings.trace_bind, "");
    ASSERT_EQ(settings.members.size(), 3U);
    EXPECT_EQ(settings.members[0].node, NodeId(1));
    EXPECT_EQ(settings.members[0].peer, "tcp://127.0.0.1:7239");
}

TEST(NodeOptions, TheClusterIdDependsOnTheMembersNotOnTheirOrder) {
    const auto a = parse_peers("--peers", "1=tcp://a:1,2=tcp://b:1");
    const auto b = parse_peers("--peers", "2=tcp://b:1,1=tcp://a:1");
    const auto c = parse_peers("--peers", "1=tcp://a:1,2=tcp://c:1");
    EXPECT_EQ(derived_cluster(a), derived_cluster(b));
    EXPECT_NE(derived_cluster(a), derived_cluster(c));
    EXPECT_EQ(derived_cluster(a).size(), 16U);
}

TEST(NodeOptions, WhatIsMissingIsNamed) {
    EXPECT_THAT(refusal_of({"--data", "d"}), HasSubstr("--id is missing"));
    EXPECT_THAT(refusal_of({"--id", "1"}), HasSubstr("--data is missing"));
}

TEST(NodeOptions, PeersMustMakeSense) {
    EXPECT_THAT(refusal_of({"--id", "4", "--data", "d", "--peers", kPeers}),
                AllOf(HasSubstr("--peers"), HasSubstr("node 4 (--id) is not among them")));
    EXPECT_THAT(refusal_of({"--id", "1", "--data", "d", "--peers", "1=tcp://a:1,1=tcp://b:1"}),
                HasSubstr("node 1 is named twice"));
    EXPECT_THAT(refusal_of({"--id", "1", "--data", "d", "--peers", "1=tcp://a:1,2=tcp://a:1"}),
                HasSubstr("tcp://a:1 is named twice"));
    EXPECT_THAT(refusal_of({"--id", "1", "--data", "d", "--peers", "1=a:1"}), HasSubstr("tcp://"));
    EXPECT_THAT(refusal_of({"--id", "1", "--data", "d", "--peers", "127.0.0.1:7239"}),
                HasSubstr("N=tcp://host:port"));
}

TEST(NodeOptions, ANodeThatJoinsNeedsNoPeers) {
    const auto joining = [](const std::vector<std::string>& more) {
        std::vector<std::string> arguments = {"--id", "4",      "--data",
                                              "d",    "--join", "tcp://127.0.0.1:7238"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    };
    const NodeSettings settings =
        node_settings(parse_arguments(node_option_specs(), joining({"--learner"})));
    EXPECT_EQ(settings.join, "tcp://127.0.0.1:7238");
    EXPECT_TRUE(settings.learner);
    EXPECT_EQ(settings.peer, "tcp://127.0.0.1:7269");
    EXPECT_EQ(settings.peer_bind, "tcp://127.0.0.1:7269");
    EXPECT_EQ(settings.client_bind, "tcp://127.0.0.1:7268");
    EXPECT_THAT(refusal_of(joining({"--peers", "4=tcp://a:1"})), HasSubstr("exclude each other"));
    EXPECT_THAT(refusal_of(joining({"--peer", "tcp://0.0.0.0:7239"})),
                HasSubstr("no address at which the other nodes reach this one"));
    EXPECT_THAT(refusal_with({"--learner"}), HasSubstr("goes with --join"));
}

TEST(NodeOptions, ANodeMayListenElsewhereThanItIsReached) {
    const std::vector<std::string> arguments = {"--id",          "4",
                                                "--data",        "d",
                                                "--join",        "tcp://10.0.0.1:7238",
                                                "--peer",        "tcp://db4.example:7239",
                                                "--peer-bind",   "tcp://0.0.0.0:7239",
                                                "--client",      "tcp://[2001:db8::4]:7238",
                                                "--client-bind", "tcp://[::]:7238"};
    const NodeSettings settings = node_settings(parse_arguments(node_option_specs(), arguments));
    EXPECT_EQ(settings.peer, "tcp://db4.example:7239");
    EXPECT_EQ(settings.peer_bind, "tcp://0.0.0.0:7239");
    EXPECT_EQ(settings.client, "tcp://[2001:db8::4]:7238");
    EXPECT_EQ(settings.client_bind, "tcp://[::]:7238");
    EXPECT_EQ(settings_with({"--peer", "tcp://0.0.0.0:1"}).peer_bind, "tcp://0.0.0.0:1");
    EXPECT_THAT(refusal_with({"--client", "tcp://*:1", "--client-bind", "tcp://10.0.0.1:1"}),
                HasSubstr("all addresses of a machine"));
    EXPECT_THAT(refusal_with({"--trace", "tcp://$HOST:1"}), HasSubstr("'$'"));
    EXPECT_THAT(refusal_with({"--peer-bind", "tcp://-:1"}), HasSubstr("begins with '-'"));
}

TEST(NodeOptions, AHeartbeatMustLeaveTimeBeforeAnElection) {
    EXPECT_THAT(
        refusal_with({"--heartbeat", "150ms"}),
        AllOf(HasSubstr("--heartbeat 150ms"), HasSubstr("less than half"), HasSubstr("300 ms")));
    EXPECT_THAT(refusal_with({"--election-timeout", "80ms-200ms"}),
                AllOf(HasSubstr("--election-timeout 80ms-200ms"), HasSubstr("50 ms")));
    EXPECT_THAT(refusal_with({"--election-timeout", "600-300"}),
                HasSubstr("the first must be less"));
    EXPECT_THAT(refusal_with({"--election-timeout", "soon"}), HasSubstr("is not MIN-MAX"));
    EXPECT_EQ(settings_with({"--heartbeat", "100", "--election-timeout", "1s-2s"})
                  .raft.election_timeout_max,
              std::chrono::seconds(2));
}

TEST(NodeOptions, LeasesAndFastFailoverExcludeEachOther) {
    const NodeSettings leased = settings_with({"--lease-duration", "250ms"});
    EXPECT_EQ(leased.raft.lease, std::chrono::milliseconds(250));
    EXPECT_FALSE(leased.raft.fast_failover);
    EXPECT_TRUE(leased.gateway.leases);
    EXPECT_FALSE(settings_with({"--fast-failover", "off"}).raft.fast_failover);
    EXPECT_THAT(refusal_with({"--lease-duration", "250ms", "--fast-failover", "on"}),
                AllOf(HasSubstr("--fast-failover on"), HasSubstr("--lease-duration")));
}

TEST(NodeOptions, ALeaseLeavesRoomForTheDriftOfClocks) {
    EXPECT_EQ(settings_with({"--lease-duration", "294ms"}).raft.lease,
              std::chrono::milliseconds(294));
    EXPECT_THAT(refusal_with({"--lease-duration", "295ms"}),
                AllOf(HasSubstr("at most 294 ms"), HasSubstr("off by 1 %")));
    EXPECT_TRUE(settings_with({"--lease-duration", "300ms", "--clock-drift", "0"}).raft.lease);
    EXPECT_TRUE(settings_with({"--lease-duration", "200ms", "--clock-drift", "20"}).raft.lease);
    EXPECT_THAT(refusal_with({"--lease-duration", "201ms", "--clock-drift", "20"}),
                HasSubstr("at most 200 ms"));
    EXPECT_THAT(refusal_with({"--clock-drift", "91"}), HasSubstr("percentage, at most 90"));
}

TEST(NodeOptions, PrioritiesAreSmallNumbers) {
    EXPECT_EQ(settings_with({}).raft.priority, 0u);
    EXPECT_EQ(settings_with({"--priority", "10"}).raft.priority, 10u);
    EXPECT_THAT(refusal_with({"--priority", "1000001"}), HasSubstr("at most 1000000"));
    EXPECT_THAT(refusal_with({"--priority", "high"}), HasSubstr("--priority high"));
}

TEST(NodeOptions, ThreadsSpinAndArePinnedAsTheyAreTold) {
    EXPECT_EQ(settings_with({}).threads.spin, 0us);
    EXPECT_TRUE(settings_with({}).threads.cpus.empty());
    EXPECT_EQ(settings_with({"--spin", "200"}).threads.spin, 200us);
    EXPECT_EQ(settings_with({"--spin", "1ms"}).threads.spin, 1ms);
    EXPECT_THAT(refusal_with({"--spin", "1s"}), HasSubstr("must be at most 100ms"));
    const int cpu = sched_getcpu();
    const std::string here = std::to_string(cpu);
    EXPECT_EQ(settings_with({"--cpus", here + "," + here}).threads.cpus,
              (std::vector<int>{cpu, cpu}));
    EXPECT_THAT(refusal_with({"--cpus", "0-3"}), HasSubstr("is not N,N,…"));
    EXPECT_THAT(refusal_with({"--cpus", "99999999999"}),
                HasSubstr("this process may not use processor 99999999999"));
}

TEST(NodeOptions, TheLogIsWrittenPastThePageCacheUnlessTold) {
    EXPECT_TRUE(settings_with({}).direct_log);
    EXPECT_TRUE(settings_with({"--log-writes", "direct"}).direct_log);
    EXPECT_FALSE(settings_with({"--log-writes", "cached"}).direct_log);
    EXPECT_THAT(refusal_with({"--log-writes", "slow"}), HasSubstr("--log-writes slow"));
}

TEST(NodeOptions, ThreadsAreScheduledAsTheyAreTold) {
    EXPECT_EQ(settings_with({}).threads.scheduling, Scheduling::automatic);
    EXPECT_EQ(settings_with({"--scheduling", "auto"}).threads.scheduling, Scheduling::automatic);
    EXPECT_EQ(settings_with({"--scheduling", "normal"}).threads.scheduling, Scheduling::normal);
    EXPECT_EQ(settings_with({"--scheduling", "batch"}).threads.scheduling, Scheduling::batch);
    EXPECT_THAT(refusal_with({"--scheduling", "fast"}), HasSubstr("--scheduling fast"));
}

TEST(NodeOptions, EndpointsAreChecked) {
    EXPECT_THAT(refusal_with({"--client", "127.0.0.1:7248"}),
                HasSubstr("does not begin with tcp://"));
    EXPECT_THAT(refusal_with({"--trace", "tcp://127.0.0.1"}), HasSubstr("names no port"));
    EXPECT_THAT(refusal_with({"--trace", "tcp://127.0.0.1:7248"}),
                HasSubstr("--client's address too"));
    EXPECT_THAT(refusal_with({"--client", "tcp://127.0.0.1:7249"}), HasSubstr("for its peers too"));
}

TEST(NodeOptions, LimitsMustFitIntoAMessage) {
    EXPECT_EQ(settings_with({"--value-bytes-max", "2MiB"}).gateway.value_bytes_max, 2U << 20);
    EXPECT_THAT(refusal_with({"--value-bytes-max", "15MiB"}), HasSubstr("--value-bytes-max 15MiB"));
    for (const char* limit : {"--requests-max", "--requests-per-client-max", "--unread-bytes-max",
                              "--unread-bytes-per-client-max", "--connections-max"})
        EXPECT_THAT(refusal_with({limit, "0"}), HasSubstr("at least 1"));
    EXPECT_EQ(settings_with({"--unread-bytes-max", "1MiB"}).gateway.unread_bytes_max, 1U << 20);
    EXPECT_EQ(settings_with({"--connections-max", "50"}).connections_max, 50U);
}

TEST(NodeOptions, PrintedConfigSaysWhereValuesCameFrom) {
    Options options = parse_arguments(node_option_specs(), {"--id", "2"});
    add_file(options, node_option_specs(), "raftbus.conf", "heartbeat = 40ms\n");
    const std::string printed = printed_config(options);
    EXPECT_THAT(printed, HasSubstr("id = 2  # --id\n"));
    EXPECT_THAT(printed, HasSubstr("heartbeat = 40ms  # heartbeat in raftbus.conf\n"));
    EXPECT_THAT(printed, HasSubstr("# segment-bytes ="));
}

TEST(NodeLogger, TakesALineApart) {
    const LogLine line = parse_log_line("n12.election: became leader: 2 votes");
    EXPECT_EQ(line.node, "12");
    EXPECT_EQ(line.actor, "election");
    EXPECT_EQ(line.text, "became leader: 2 votes");
    EXPECT_EQ(parse_log_line("node 1 of cluster x: clients tcp://a.b:1").text,
              "node 1 of cluster x: clients tcp://a.b:1");
    EXPECT_EQ(logfmt_value("plain"), "plain");
    EXPECT_EQ(logfmt_value("a \"b\"\n"), R"("a \"b\"\n")");
}

}  // namespace
}  // namespace raftbus::cli
