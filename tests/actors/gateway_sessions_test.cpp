// Sessions, times and transactions on their way through a gateway.
#include <gtest/gtest.h>

#include "messages/client_replies.hpp"
#include "storage/command.hpp"
#include "storage/sessions.hpp"
#include "storage/transaction.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus {
namespace {

using namespace testing;

class GatewaySessions : public ::testing::Test {
protected:
    GatewaySessions() { node.leader(7, 2); }

    // The only command of the only proposal since the last call.
    const Command& command() {
        propose_ = node.sent<Propose>();
        EXPECT_EQ(propose_.count, 1U);
        command_ = CommandReader(propose_.body.view()).next().value();
        return command_;
    }
    Json outcome(CommandOutcome outcome) {
        node.applied(++applied_, 7, {{propose_.proposal, {std::move(outcome)}}});
        return node.reply();
    }

    GatewayScene node;
    Propose propose_;
    Command command_;
    std::uint64_t applied_ = 10;
};

TEST_F(GatewaySessions, ASessionIsACommandWhoseIndexIsItsId) {
    node.ask(Json{{"op", "SESSION"}, {"id", 3}});
    EXPECT_EQ(command().kind, CommandKind::session);
    EXPECT_EQ(command_.ttl_ms, kSessionLifeMs) << "what it lives stands in the log";
    EXPECT_EQ(outcome(Written{12, false}), (Json{{"ok", true}, {"id", 3}, {"session", 12}}));
}

TEST_F(GatewaySessions, AWriteBearsItsSessionAndNumber) {
    Json write = set(1, "a");
    write["session"] = 12;
    write["seq"] = 5;
    write["ttl_ms"] = 900;
    node.ask(write);
    EXPECT_EQ(command().session, 12U);
    EXPECT_EQ(command_.seq, 5U);
    EXPECT_EQ(command_.ttl_ms, 900U);
    EXPECT_EQ(outcome(Written{11, false}), (Json{{"ok", true}, {"id", 1}, {"revision", 11}}))
        << "the revision of its first execution";
    node.ask(set(2, "a"));
    EXPECT_EQ(command().seq, 0U);
}

TEST_F(GatewaySessions, C2_ASessionThatIsGoneIsAFailureOfItsOwn) {
    Json write = set(1, "a");
    write["session"] = 12;
    write["seq"] = 5;
    node.ask(write);
    command();
    expect_failure(outcome(SessionExpired{}), "SESSION_EXPIRED", "no");
}

TEST_F(GatewaySessions, C3_ANumberThatIsTooOldMayHaveBeenExecuted) {
    Json write = set(1, "a");
    write["session"] = 12;
    write["seq"] = 5;
    node.ask(write);
    command();
    const Json reply = outcome(OutcomeForgotten{2'000});
    expect_failure(reply, "BAD_REQUEST", "unknown");
    EXPECT_NE(reply.at("message").get<std::string>().find("2000"), std::string::npos) << reply;
}

TEST_F(GatewaySessions, ATransactionGoesIntoTheLogWithTheGatewaysLimits) {
    node.ask(Json{{"op", "TXN"},
                  {"id", 4},
                  {"if", {{{"key", "k"}, {"present", true}}}},
                  {"then", {{{"op", "SET"}, {"key", "k"}, {"value", "v"}, {"ttl_ms", 9}}}},
                  {"else", {{{"op", "SCAN"}, {"prefix", "a"}, {"limit", 7}}}}});
    EXPECT_EQ(command().kind, CommandKind::transaction);
    const Transaction transaction = read_transaction(command_.value).value();
    EXPECT_EQ(transaction.items_max, GatewayOptions().scan_items_max);
    EXPECT_EQ(transaction.bytes_max, GatewayOptions().scan_bytes_max);
    ASSERT_EQ(transaction.conditions.size(), 1U);
    EXPECT_EQ(transaction.conditions[0].present, true);
    ASSERT_EQ(transaction.then.size(), 1U);
    EXPECT_EQ(transaction.then[0].ttl_ms, 9U);
    ASSERT_EQ(transaction.otherwise.size(), 1U);
    EXPECT_EQ(transaction.otherwise[0].key, "a");
    EXPECT_EQ(transaction.otherwise[0].end, "b");
    EXPECT_EQ(transaction.otherwise[0].limit, 7U);
    client::TxnReplyWriter writer(true, 11, 1);
    writer.set(11);
    EXPECT_EQ(outcome(writer.finish()), (Json{{"ok", true},
                                              {"id", 4},
                                              {"succeeded", true},
                                              {"revision", 11},
                                              {"results", {{{"revision", 11}}}}}));
}

TEST_F(GatewaySessions, ATransactionThatWouldAnswerTooMuchIsRefused) {
    node.ask(Json{{"op", "TXN"}, {"then", {{{"op", "GET"}, {"key", "k"}}}}});
    command();
    const Json reply = outcome(AnswerTooLarge{5'000'000, 4'194'304});
    expect_failure(reply, "TOO_LARGE", "no");
    EXPECT_NE(reply.at("message").get<std::string>().find("5000000"), std::string::npos) << reply;
}

TEST_F(GatewaySessions, AWriteThatIsNotKnownToBeCommittedMayStillHappen) {
    node.ask(Json{{"op", "SESSION"}, {"timeout_ms", 200}});
    EXPECT_EQ(node.count<Propose>(), 1U);
    node.pass(200ms);
    expect_failure(node.reply(), "TIMEOUT", "unknown");
}

}  // namespace
}  // namespace raftbus
