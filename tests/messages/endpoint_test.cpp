// The one parser of addresses: nothing passes that libzmq refuses, or that others cannot reach.

#include "messages/endpoint.hpp"

#include <gtest/gtest.h>

namespace raftbus {
namespace {

std::string fault_of(std::string_view text) {
    const auto parsed = parse_reachable(text);
    return parsed ? "nothing is wrong" : parsed.error().message;
}

TEST(Endpoint, ComesBackAsItWasWritten) {
    for (const char* fine :
         {"tcp://10.0.0.4:7239", "tcp://[::1]:7239", "tcp://[fe80::1%eth0]:1", "tcp://db1:65535",
          "tcp://db-1.example.org:7239", "tcp://my_db.local.:1", "tcp://3com.example:7239"}) {
        const auto parsed = parse_reachable(fine);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->text(), fine);
    }
    EXPECT_EQ(parse_endpoint("tcp://[::1]:7239")->kind, HostKind::ipv6);
    EXPECT_EQ(parse_endpoint("tcp://10.0.0.4:7239")->kind, HostKind::ipv4);
    EXPECT_EQ(parse_endpoint("tcp://db1:7239")->kind, HostKind::name);
}

TEST(Endpoint, AllAddressesOfAMachineAreOnlyToBeBound) {
    for (const char* any : {"tcp://*:7239", "tcp://0.0.0.0:7239", "tcp://[::]:7239",
                            "tcp://[0:0:0:0:0:0:0:0]:7239"}) {
        ASSERT_TRUE(parse_endpoint(any)) << any;
        EXPECT_EQ(parse_endpoint(any)->kind, HostKind::any) << any;
        EXPECT_NE(fault_of(any).find("all addresses of a machine"), std::string::npos) << any;
    }
}

TEST(Endpoint, WhatLibzmqRefusesIsRefused) {
    for (const char c : std::string("$,+'=#(?)!&*<>{}|^~`\" \t;@/\\\x01\x7f\xc3"))
        for (const std::string& host : {std::string(1, c), "h" + std::string(1, c) + "st"})
            EXPECT_NE(fault_of("tcp://" + host + ":7239"), "nothing is wrong") << host;
    EXPECT_NE(fault_of("tcp://$HOST:7239").find("'$'"), std::string::npos);
    EXPECT_NE(fault_of("tcp://-host:7239").find("begins with '-'"), std::string::npos);
    EXPECT_NE(fault_of("tcp://_host:7239").find("begins with '_'"), std::string::npos);
    EXPECT_NE(fault_of("tcp://.host:7239").find("begins with '.'"), std::string::npos);
}

TEST(Endpoint, TheCauseIsNamed) {
    const auto says = [](std::string_view text, std::string_view words) {
        EXPECT_NE(fault_of(text).find(words), std::string::npos) << text << ": " << fault_of(text);
    };
    says("", "missing");
    says("10.0.0.4:7239", "does not begin with tcp://");
    says("TCP://10.0.0.4:7239", "does not begin with tcp://");
    says("ipc:///tmp/x", "does not begin with tcp://");
    says("tcp://10.0.0.4", "names no port");
    says("tcp://[::1]", "names no port");
    says("tcp://:7239", "names no host");
    says("tcp://::1:7239", "in brackets");
    says("tcp://fe80::1:7239", "in brackets");
    says("tcp://[host]:7239", "not an IPv6 address");
    says("tcp://[]:7239", "'['");
    says("tcp://[::1:7239", "in brackets");
    says("tcp://[::1%]:7239", "interface");
    says("tcp://10.0.0.4:7239:7240", "two ports");
    says("tcp://10.0.0:7239", "four parts");
    says("tcp://10.0.0.400:7239", "four parts");
    says("tcp://a..b:7239", "part of no letter");
    says("tcp://" + std::string(64, 'a') + ":7239", "more than 63");
    says("tcp://" + std::string(300, 'a') + ":7239", "too long");
    for (const char* port : {"0", "65536", "99999", "72x", "-1", "+1", "", " 1", "1 ", "*"})
        says("tcp://host:" + std::string(port), "port is not from 1 to 65535");
}

}  // namespace
}  // namespace raftbus
