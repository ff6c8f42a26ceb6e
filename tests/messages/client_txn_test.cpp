// Requests of sessions, times and transactions as bytes.
#include "messages/client_txn.hpp"

#include <gtest/gtest.h>

#include "tests/messages/client_bodies.hpp"

namespace raftbus::client {
namespace {

TEST(ClientRequest, ASetMayHaveATime) {
    const Body set = op("SET").field("key", "k").field("value", "v");
    EXPECT_EQ(taken<Set>(set).ttl_ms, std::nullopt);
    EXPECT_EQ(taken<Set>(Body(set).field("ttl_ms", 5)).ttl_ms, 5);
    EXPECT_EQ(taken<Set>(Body(set).field("ttl_ms", (1ULL << 53) - 1)).ttl_ms, (1ULL << 53) - 1);
    expect_refused(Body(set).field("ttl_ms", 0), "BAD_REQUEST", "'ttl_ms'");
    expect_refused(Body(set).field("ttl_ms", 1ULL << 53), "BAD_REQUEST", "'ttl_ms'");
    expect_refused(Body(set).field("ttl_ms", "5"), "BAD_REQUEST", "'ttl_ms'");
}

TEST(ClientRequest, AWriteNamesItsSessionAndNumberOrNeither) {
    taken<OpenSession>(op("SESSION"));
    for (const Body& write :
         {op("SET").field("key", "k").field("value", "v"), op("DELETE").field("key", "k"),
          op("NO-OP"), op("TXN").raw("then", "\x90")}) {
        const std::string body = Body(write).field("session", 5).field("seq", 7);
        const Decoded decoded = decode_request(body, kLimits);
        const auto& session = std::get<Request>(decoded.outcome).session;
        ASSERT_TRUE(session);
        EXPECT_EQ(session->session, 5);
        EXPECT_EQ(session->seq, 7);
        expect_refused(Body(write).field("session", 5), "BAD_REQUEST", "needs the field 'seq'");
        expect_refused(Body(write).field("seq", 5), "BAD_REQUEST", "needs the field 'session'");
        expect_refused(Body(write).field("session", 5).field("seq", 0), "BAD_REQUEST", "'seq'");
        expect_refused(Body(write).field("session", 5).field("seq", 1ULL << 53), "BAD_REQUEST",
                       "'seq'");
        expect_refused(Body(write).field("session", "5").field("seq", 1), "BAD_REQUEST",
                       "'session'");
    }
}

// An array of these maps.
std::string list(const std::vector<std::string>& maps) {
    std::string bytes("\xdc", 1);
    bytes += static_cast<char>(maps.size() >> 8);
    bytes += static_cast<char>(maps.size() & 0xff);
    for (const std::string& map : maps) bytes += map;
    return bytes;
}

TEST(ClientRequest, ATransactionIsReadListByList) {
    const std::string body =
        op("TXN")
            .raw("if", list({Body().field("key", "a").field("value", "v"),
                             Body().field("key", "b").field("revision", 0),
                             Body().field("key", "c").field("present", false)}))
            .raw("then", list({op("SET").field("key", "k").field("value", "v").field("ttl_ms", 9),
                               op("DELETE").field("key", "l")}))
            .raw("else", list({op("GET").field("key", "m"),
                               op("SCAN").field("prefix", "n").field("limit", 3)}));
    const TxnParts txn = read_txn(taken<Txn>(body), kLimits);
    ASSERT_EQ(txn.conditions.size(), 3U);
    EXPECT_EQ(txn.conditions[0].value, "v");
    EXPECT_EQ(txn.conditions[1].revision, 0);
    EXPECT_EQ(txn.conditions[2].present, false);
    EXPECT_EQ(txn.conditions[2].key, "c");
    ASSERT_EQ(txn.then.size(), 2U);
    EXPECT_EQ(std::get<Set>(txn.then[0]).ttl_ms, 9);
    EXPECT_EQ(std::get<Delete>(txn.then[1]).key, "l");
    ASSERT_EQ(txn.otherwise.size(), 2U);
    EXPECT_EQ(std::get<Get>(txn.otherwise[0]).key, "m");
    EXPECT_EQ(std::get<Scan>(txn.otherwise[1]).limit, 3);
    EXPECT_EQ(taken<Txn>(op("TXN").raw("if", "\x90")).conditions, 0U);
}

TEST(ClientRequest, WhatIsWrongWithATransactionIsNamedWithItsPlace) {
    const auto refused = [](std::string_view part, const std::vector<std::string>& maps,
                            std::string_view naming, std::string_view code = "BAD_REQUEST") {
        expect_refused(op("TXN").raw(part, list(maps)), code, naming);
    };
    const std::string get = op("GET").field("key", "k");
    expect_refused(op("TXN"), "BAD_REQUEST", "'if', 'then' and 'else'");
    expect_refused(op("TXN").field("then", 5), "BAD_REQUEST", "'then' must be an array of maps");
    refused("then", {get, packed(5)}, "then[1] must be a map");
    refused("then", {get, op("STATUS")}, "then[1]: the field 'op'");
    refused("else", {Body().field("key", "k")}, "else[0]: the field 'op'");
    refused("then", {get, op("SET").field("key", "k")}, "then[1]: SET needs the field 'value'");
    refused("then", {op("GET").field("key", "")}, "then[0]: field 'key' must not be empty");
    refused("then", {op("DELETE").field("key", "123456789")}, "then[0]", "TOO_LARGE");
    refused("then", {op("DELETE").field("key", "k").field("if_revision", 5)}, "'if'");
    refused("if", {Body().field("key", "k")}, "if[0]: a condition needs exactly one");
    refused("if", {Body().field("key", "k").field("value", "v").field("present", true)}, "if[0]");
    refused("if", {Body().field("value", "v")}, "if[0]: a condition needs the field 'key'");
    refused("if", {Body().field("key", "k").field("revision", "5")}, "'revision' must be");
    refused("if", {Body().field("key", "k").field("present", 1)}, "'present' must be");
    refused("then", std::vector<std::string>(129, get), "at most 128");
    refused("then", std::vector<std::string>(129, get), "not 129");
    expect_refused(op("TXN")
                       .raw("if", list(std::vector<std::string>(
                                      64, Body().field("key", "k").field("present", true))))
                       .raw("else", list(std::vector<std::string>(65, get))),
                   "BAD_REQUEST", "not 129");
    EXPECT_EQ(taken<Txn>(op("TXN").raw("then", list(std::vector<std::string>(128, get)))).then,
              128U);
}

}  // namespace
}  // namespace raftbus::client
