#include "cli/endpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace raftbus::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Endpoints, APortAloneIsOneMoreOfTheHostBefore) {
    EXPECT_THAT(
        *parse_endpoints(kDefaultEndpoints),
        ElementsAre("tcp://127.0.0.1:7238", "tcp://127.0.0.1:7248", "tcp://127.0.0.1:7258"));
    EXPECT_THAT(*parse_endpoints(":7248"), ElementsAre("tcp://127.0.0.1:7248"));
}

TEST(Endpoints, HostsGetTheDefaultPort) {
    EXPECT_THAT(
        *parse_endpoints("db1, tcp://db2:9000,[::1],[::2]:7"),
        ElementsAre("tcp://db1:7238", "tcp://db2:9000", "tcp://[::1]:7238", "tcp://[::2]:7"));
}

TEST(Endpoints, RepetitionsAreAskedOnce) {
    EXPECT_THAT(*parse_endpoints("127.0.0.1,7238"), ElementsAre("tcp://127.0.0.1:7238"));
}

TEST(Endpoints, NonsenseIsRefusedWithAReason) {
    EXPECT_THAT(parse_endpoints("host:0").error().message, HasSubstr("not a port"));
    EXPECT_THAT(parse_endpoints("host:99999").error().message, HasSubstr("\"99999\""));
    EXPECT_THAT(parse_endpoints("a b").error().message, HasSubstr("not host:port"));
    EXPECT_FALSE(parse_endpoints(",").ok());
}

TEST(Endpoints, WhatNobodyCouldConnectToIsRefused) {
    for (const char* wrong :
         {"$HOST:7238", "a+b", "-e", "_x", "h:1:2", "10.0.0", "::1", "(", "a'b"})
        EXPECT_THAT(parse_endpoints(wrong).error().message, HasSubstr("not")) << wrong;
    EXPECT_THAT(parse_endpoints("0.0.0.0:7238").error().message, HasSubstr("all addresses"));
}

TEST(Endpoints, AnAddressOfAllInterfacesIsReplacedByWhereItWasSeen) {
    EXPECT_EQ(reachable("tcp://0.0.0.0:7241", "tcp://10.0.0.7:7238"), "tcp://10.0.0.7:7241");
    EXPECT_EQ(reachable("tcp://10.0.0.8:7241", "tcp://10.0.0.7:7238"), "tcp://10.0.0.8:7241");
    EXPECT_EQ(reachable("", "tcp://10.0.0.7:7238"), "");
}

}  // namespace
}  // namespace raftbus::cli
