// A write on its way to the leader and back, with the test in the place of all whom the gateway
// talks to.
#include <gtest/gtest.h>

#include "messages/crc32c.hpp"
#include "storage/command.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus {
namespace {

using namespace testing;

std::vector<std::string> keys_in(const Propose& propose) {
    std::vector<std::string> keys;
    for (CommandReader commands(propose.body.view()); !commands.done();)
        keys.emplace_back(commands.next()->key);
    return keys;
}

TEST(GatewayWrites, AllThatWaitsGoesToTheLeaderInOneBatchAndIsAnsweredByItsOutcomes) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask_all({set(1, "a"), {{"op", "DELETE"}, {"id", 2}, {"key", "b"}}, {{"op", "NOOP"}}});

    ASSERT_EQ(node.context.sent.size(), 1u);
    EXPECT_EQ(node.context.sent[0].to, (Address{NodeId(2), ActorName::replicator}));
    const auto propose = node.sent<Propose>();
    EXPECT_EQ(propose.term, Term(7));
    EXPECT_EQ(propose.count, 3u);
    EXPECT_EQ(propose.body_crc, crc32c(propose.body.view()));
    EXPECT_EQ(keys_in(propose), (std::vector<std::string>{"a", "b", ""}));

    node.applied(12, 7, {{propose.proposal, {Written{10, false}, Written{11, true}, Written{12}}}});
    const auto replies = node.take_replies();
    ASSERT_EQ(replies.size(), 3u);
    EXPECT_EQ(replies[0].second, (Json{{"ok", true}, {"id", 1}, {"revision", 10}}));
    EXPECT_EQ(replies[1].second,
              (Json{{"ok", true}, {"id", 2}, {"revision", 11}, {"found", true}}));
    EXPECT_EQ(replies[2].second, (Json{{"ok", true}, {"revision", 12}}));
    EXPECT_EQ(node.gateway.in_flight().size(), 0u);
}

TEST(GatewayWrites, AFailedConditionTellsWhatStands) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    node.applied(9, 7, {{node.sent<Propose>().proposal, {ConditionFailed{true, 4}}}});
    const Json reply = node.reply();
    expect_failure(reply, "CONDITION_FAILED", "no");
    EXPECT_EQ(reply.at("revision"), 4);
    EXPECT_EQ(reply.at("found"), true);
}

// A snapshot took the place of the entries: whether the write is among them nobody can tell.
// Proposed again in the next term, it would happen twice.
TEST(GatewayWrites, WhatASnapshotHasSwallowedIsUnknownAndNeverSentAgain) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    ASSERT_EQ(node.context.take<Propose>().size(), 1u);
    OutcomesReady ready;
    ready.index = LogIndex(90);
    ready.term = Term(8);
    ready.skipped = true;
    node.deliver(ready, {NodeId(1), ActorName::state_machine});
    expect_failure(node.reply(), "TIMEOUT", "unknown");
    node.leader(8, 3);
    EXPECT_EQ(node.count<Propose>(), 0u);
}

TEST(GatewayWrites, LargeOnesAreSpreadOverBatches) {
    GatewayScene node({.batch_bytes_max = 1000});
    node.leader(7, 2);
    const std::string large(600, 'x');
    node.ask_all({set(1, "a", large), set(2, "b", large), set(3, "c", std::string(5000, 'y'))});
    const auto batches = node.context.take<Propose>();
    ASSERT_EQ(batches.size(), 3u);
    EXPECT_EQ(keys_in(batches[2]), std::vector<std::string>{"c"});
}

TEST(GatewayWrites, TheyWaitForALeaderAndGoOutWhenThereIsOne) {
    GatewayScene node;
    node.ask(set(1, "a"));
    EXPECT_EQ(node.count<Propose>(), 0u);
    node.leader(7, 0);
    EXPECT_EQ(node.count<Propose>(), 0u);
    node.leader(7, 3);
    EXPECT_EQ(node.count<Propose>(), 1u);
}

TEST(GatewayWrites, WithoutALeaderTheyAreCertainlyNotExecuted) {
    GatewayScene node;
    node.ask(Json{{"op", "SET"}, {"key", "a"}, {"value", "v"}, {"timeout_ms", 200}});
    node.pass(200ms);
    expect_failure(node.reply(), "NO_LEADER", "no");
    node.leader(7, 2);
    EXPECT_EQ(node.count<Propose>(), 0u) << "what was answered is not proposed";
}

TEST(GatewayWrites, WhatWasProposedMayStillHappenAtTheDeadline) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto propose = node.sent<Propose>();
    node.pass(5s);
    expect_failure(node.reply(), "TIMEOUT", "unknown");
    node.applied(10, 7, {written(propose.proposal, 10)});
    EXPECT_TRUE(node.take_replies().empty()) << "it was answered already";
}

TEST(GatewayWrites, WhatTheLeaderRefusedIsProposedAgainUnderANewNumber) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto first = node.sent<Propose>();
    node.refuse(first.proposal, Refusal::transferring);
    EXPECT_EQ(node.count<Propose>(), 0u) << "not at once";
    node.pass(20ms);
    const auto second = node.sent<Propose>();
    EXPECT_NE(second.proposal, first.proposal);
    EXPECT_EQ(second.body, first.body);
    node.applied(10, 7, {written(second.proposal, 10)});
    EXPECT_EQ(node.reply().at("revision"), 10);
}

TEST(GatewayWrites, ANewLeaderEndsTheWaitAfterARefusal) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    node.refuse(node.sent<Propose>().proposal, Refusal::not_leader);
    node.leader(8, 3);
    EXPECT_EQ(node.sent<Propose>().term, Term(8));
}

TEST(GatewayWrites, RefusedAllTheTimeTheyAreCertainlyNotExecuted) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(Json{{"op", "NO-OP"}, {"timeout_ms", 100}});
    for (int i = 0; i < 200; ++i) {
        for (const Propose& propose : node.context.take<Propose>())
            node.refuse(propose.proposal, Refusal::not_leader);
        node.pass(1ms);
    }
    expect_failure(node.reply(), "NO_LEADER", "no");
}

TEST(GatewayWrites, BusyAndNoSpaceReachTheClient) {
    for (const auto& [why, error] :
         {std::pair{Refusal::busy, "BUSY"}, std::pair{Refusal::no_space, "NO_SPACE"}}) {
        GatewayScene node;
        node.leader(7, 2);
        node.ask_all({set(1, "a"), set(2, "b")});
        node.refuse(node.sent<Propose>().proposal, why);
        const auto replies = node.take_replies();
        ASSERT_EQ(replies.size(), 2u);
        for (const auto& reply : replies) expect_failure(reply.second, error, "no");
    }
}

// A proposal names its term and terms in a log never fall: an applied entry of a later term shows
// that what has no outcome by then is not in the log.
TEST(GatewayWrites, ALaterTermInTheLogShowsThatAProposalWasLost) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask_all({set(1, "a"), set(2, "b")});
    const auto lost = node.sent<Propose>();
    node.leader(8, 3);
    EXPECT_EQ(node.count<Propose>(), 0u) << "it may be in the log";
    node.applied(10, 7);
    EXPECT_EQ(node.count<Propose>(), 0u) << "it may come later in the term";
    node.applied(11, 8);
    const auto again = node.sent<Propose>();
    EXPECT_EQ(again.term, Term(8));
    EXPECT_NE(again.proposal, lost.proposal);
    EXPECT_EQ(again.body, lost.body);
}

TEST(GatewayWrites, AProposalThatIsInTheLogOfTheOldTermIsNotProposedAgain) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto propose = node.sent<Propose>();
    node.leader(8, 3);
    node.applied(11, 8, {written(propose.proposal, 10)});
    EXPECT_EQ(node.count<Propose>(), 0u);
    EXPECT_EQ(node.reply().at("revision"), 10);
}

TEST(GatewayWrites, ALaterTermIsAppliedBeforeItsLeaderIsKnown) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    node.sent<Propose>();
    node.applied(11, 8);
    EXPECT_EQ(node.count<Propose>(), 0u) << "the leader of term 7 can not take it any more";
    node.leader(8, 3);
    EXPECT_EQ(node.sent<Propose>().term, Term(8));
}

TEST(GatewayWrites, AfterALostLinkTheSameProposalGoesOutOnceMore) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto first = node.sent<Propose>();
    node.deliver(PeerLost{NodeId(2)});
    EXPECT_EQ(node.count<Propose>(), 0u);
    node.deliver(PeerUp{NodeId(3)});
    EXPECT_EQ(node.count<Propose>(), 0u) << "another node's link";
    node.deliver(PeerUp{NodeId(2)});
    EXPECT_EQ(node.sent<Propose>(), first) << "the leader tells by the number whether it has it";
    node.applied(10, 7, {written(first.proposal, 10)});
    EXPECT_EQ(node.reply().at("revision"), 10);
}

TEST(GatewayWrites, ARefusalIsBelievedHoweverOftenTheProposalWasSent) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto first = node.sent<Propose>();
    node.deliver(PeerUp{NodeId(2)});
    node.sent<Propose>();
    node.refuse(first.proposal, Refusal::not_leader);
    node.pass(20ms);
    const auto again = node.sent<Propose>();
    EXPECT_NE(again.proposal, first.proposal) << "all copies got the same answer";
    node.refuse(first.proposal, Refusal::not_leader);
    node.applied(11, 7, {written(again.proposal, 10)});
    EXPECT_EQ(node.reply().at("revision"), 10);
}

TEST(GatewayWrites, WhatWasSentIsRepeatedWhenTheSameLeaderIsHeardAgain) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto first = node.sent<Propose>();
    node.leader(7, 0);
    node.deliver(PeerUp{NodeId(2)});
    EXPECT_EQ(node.count<Propose>(), 0u) << "nobody is known to lead";
    node.leader(7, 2);
    EXPECT_EQ(node.sent<Propose>(), first) << "it may have been lost with the connection";
}

TEST(GatewayWrites, NothingIsSentWhileNobodyLeads) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto first = node.sent<Propose>();
    node.deliver(PeerUp{NodeId(2)});
    node.sent<Propose>();
    node.leader(7, 0);
    node.refuse(first.proposal, Refusal::not_leader);
    node.pass(100ms);
    EXPECT_EQ(node.count<Propose>(), 0u);
}

TEST(GatewayWrites, OnlySoManyProposalsAreOutstanding) {
    GatewayOptions options;
    options.batch_bytes_max = 1;  // each write a batch of its own
    GatewayScene node(options);
    node.leader(7, 2);
    std::vector<Json> requests;
    for (int i = 0; i < 600; ++i) requests.push_back(set(i, "a"));
    node.ask_all(requests);
    EXPECT_EQ(node.count<Propose>(), kProposalsOutstandingMax);
}

TEST(GatewayWrites, WhatTimedOutIsLeftOutWhenItsBatchIsProposedAgain) {
    GatewayScene node;
    node.leader(7, 2);
    Json hasty = set(2, "b");
    hasty["timeout_ms"] = 50;
    node.ask_all({set(1, "a"), hasty, set(3, "c")});
    node.sent<Propose>();
    node.pass(100ms);
    expect_failure(node.reply(), "TIMEOUT", "unknown");
    node.leader(8, 2);
    node.applied(11, 8);
    const auto again = node.sent<Propose>();
    EXPECT_EQ(again.count, 2u);
    EXPECT_EQ(again.body_crc, crc32c(again.body.view()));
    EXPECT_EQ(keys_in(again), (std::vector<std::string>{"a", "c"}));
    node.applied(13, 8, {written(again.proposal, 12, 2)});
    const auto replies = node.take_replies();
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(replies[0].second.at("id"), 1);
    EXPECT_EQ(replies[1].second.at("revision"), 13);
}

TEST(GatewayWrites, OutcomesOfAnotherLifeOfTheNodeAreNobodys) {
    GatewayScene node;
    node.leader(7, 2);
    node.ask(set(1, "a"));
    const auto propose = node.sent<Propose>();
    node.applied(10, 7, {written(ProposalNumber(propose.proposal.value + 1000), 9, 5)});
    EXPECT_TRUE(node.take_replies().empty());
}

}  // namespace
}  // namespace raftbus
