// Which version the cluster speaks: the leader raises it once all members know a newer one, it
// stands in the log, and what needs it is let through from then on.

#include <gtest/gtest.h>

#include "actors/replicator.hpp"
#include "actors/version_gate.hpp"
#include "messages/text.hpp"
#include "tests/testing/fake_context.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus::testing {
namespace {

constexpr Address at(std::uint32_t node, ActorName actor) {
    return {NodeId(node), actor};
}

class Raising : public ::testing::Test {
protected:
    Raising() {
        options_.versions = {1, 3};
        options_.members = {{NodeId(1)}, {NodeId(2)}, {NodeId(3), false}};
    }
    void give(const AnyMessage& message, Address from) {
        Envelope envelope;
        envelope.from = from;
        envelope.to = context_.self();
        ASSERT_TRUE(replicator_->receive(envelope, message));
        replicator_->on_drained();
    }
    void lead() {
        replicator_.emplace(context_, options_, RecoveredLog{}, LogIndex(), WallTime());
        replicator_->start();
        give(Fence{Term(1)}, at(1, ActorName::election));
        give(TermSaved{Term(1)}, at(1, ActorName::election));
        give(Lead{Term(1)}, at(1, ActorName::election));
    }
    // All that was appended is durable here and there.
    void commit() {
        for (const Append& append : context_.take<Append>())
            give(Appended{append.request}, at(1, ActorName::storage));
        give(AppendEntriesReply{Term(1), Matched{replicator_->log().last().index}},
             at(2, ActorName::replicator));
    }
    void speaks(std::uint32_t node, std::uint32_t oldest, std::uint32_t newest) {
        give(PeerSpeaks{NodeId(node), oldest, newest}, at(1, ActorName::bus));
    }
    std::uint32_t in_force() const {
        return replicator_->log().configurations().in_force().configuration.version;
    }
    // What the gateway was told of it since the last call.
    std::vector<std::uint32_t> told() {
        std::vector<std::uint32_t> versions;
        for (const auto& sent : context_.sent)
            if (const auto* news = std::get_if<Reconfigured>(&sent.message);
                news && sent.to.actor == ActorName::gateway)
                versions.push_back(news->configuration.version);
        context_.take<Reconfigured>();
        return versions;
    }

    FakeContext context_{at(1, ActorName::replicator)};
    RaftOptions options_;
    std::optional<Replicator> replicator_;
};

TEST_F(Raising, WaitsUntilAllMembersAreKnownToKnowIt) {
    lead();
    speaks(2, 1, 3);
    commit();
    EXPECT_EQ(in_force(), 1u) << "a learner holds the log, too";
    speaks(3, 1, 2);
    EXPECT_EQ(in_force(), 2u) << "what all of them know";
    EXPECT_EQ(told(), std::vector<std::uint32_t>()) << "not committed";
    commit();
    EXPECT_EQ(told(), std::vector<std::uint32_t>{2});
    speaks(3, 2, 3);
    EXPECT_EQ(in_force(), 3u);
    commit();
    EXPECT_EQ(told(), std::vector<std::uint32_t>{3});
}

TEST_F(Raising, NothingIsRaisedBeforeTheTermHasCommitted) {
    lead();
    speaks(2, 1, 3);
    speaks(3, 1, 3);
    EXPECT_EQ(in_force(), 1u);
    commit();
    EXPECT_EQ(in_force(), 3u);
}

TEST_F(Raising, ItNeverFalls) {
    lead();
    speaks(2, 1, 3);
    speaks(3, 1, 3);
    commit();
    commit();
    speaks(3, 1, 1);
    commit();
    EXPECT_EQ(in_force(), 3u);
    EXPECT_EQ(
        decode_configuration(
            encode_configuration(replicator_->log().configurations().in_force().configuration))
            ->version,
        3u);
}

// ---- incarnations

ChangeMembers incarnate(std::uint64_t id, std::uint64_t above) {
    ChangeMembers ask{.change = ChangeNumber(5)};
    ask.wanted.kind = ChangeKind::incarnate;
    ask.wanted.incarnation = id;
    ask.wanted.above = LogIndex(above);
    return ask;
}

TEST_F(Raising, AnIncarnationIsDrawnWithVersion2) {
    lead();
    speaks(2, 1, 2);
    speaks(3, 1, 2);
    commit();
    const Incarnation drawn =
        replicator_->log().configurations().in_force().configuration.incarnation;
    EXPECT_NE(drawn.id, 0u);
    EXPECT_LT(drawn.id, kIndexEnd);
    EXPECT_EQ(drawn.cause, Incarnation::Cause::formed);
    EXPECT_EQ(drawn.since, LogIndex()) << "nothing of before is void";
}

TEST_F(Raising, ARestoredOneBeginsBehindAGap) {
    lead();
    speaks(2, 1, 2);
    speaks(3, 1, 2);
    commit();
    commit();
    give(incarnate(99, 5'000), at(2, ActorName::gateway));
    const Configurations::Entry entry = replicator_->log().configurations().in_force();
    EXPECT_EQ(entry.configuration.incarnation,
              (Incarnation{99, LogIndex(5'001) + kIncarnationGap, Incarnation::Cause::restored}));
    EXPECT_EQ(entry.index, entry.configuration.incarnation.since);
    EXPECT_EQ(replicator_->log().last().index, entry.index);
    for (const AppendEntries& append : context_.take<AppendEntries>())
        for (const Batch& batch : append.batches) EXPECT_TRUE(intact(batch));
    commit();
    const auto changed = context_.take<MembersChanged>();
    ASSERT_EQ(changed.size(), 1u);
    EXPECT_EQ(changed[0].since, entry.index);
    // Asked again, because its answer was lost, say.
    give(incarnate(99, 5'000), at(2, ActorName::gateway));
    EXPECT_EQ(replicator_->log().last().index, entry.index);
    EXPECT_EQ(context_.take<MembersChanged>().size(), 1u);
}

TEST_F(Raising, VersionOneKnowsNoIncarnations) {
    lead();
    speaks(2, 1, 1);
    speaks(3, 1, 1);
    commit();
    give(incarnate(99, 5'000), at(2, ActorName::gateway));
    const auto refused = context_.take<ChangeRefused>();
    ASSERT_EQ(refused.size(), 1u);
    EXPECT_NE(refused[0].message.find("version 1"), std::string::npos);
}

TEST_F(Raising, TheGatewayIsToldThatThisNodeWasRemoved) {
    replicator_.emplace(context_, options_, RecoveredLog{}, LogIndex(), WallTime());
    replicator_->start();
    context_.take<Reconfigured>();
    give(RemovalTold{LogIndex(9), NodeId(2)}, at(1, ActorName::bus));
    bool told = false;
    for (const auto& sent : context_.sent)
        if (const auto* news = std::get_if<Reconfigured>(&sent.message))
            told = told || (sent.to.actor == ActorName::gateway && news->expelled);
    EXPECT_TRUE(told);
}

TEST(VersionGateTest, NamesWhoHoldsTheClusterBack) {
    VersionGate gate(NodeId(1), {1, 2});
    EXPECT_FALSE(gate.refusal(1));
    EXPECT_NE(gate.refusal(2)->find("some member"), std::string::npos);
    gate.peer_speaks(NodeId(2), {1, 2});
    gate.peer_speaks(NodeId(3), {1, 1});
    EXPECT_EQ(*gate.refusal(2),
              "the cluster speaks version 1, and this needs 2: node 3 knows 1; upgrade it");
    gate.cluster_speaks(2);
    gate.cluster_speaks(1);
    EXPECT_FALSE(gate.refusal(2));
    EXPECT_NE(gate.refusal(3)->find("node 1 knows 1..2"), std::string::npos);
}

TEST(GatewayVersions, WhatNeedsANewerVersionIsRefusedUntilTheClusterSpeaksIt) {
    GatewayOptions options;
    options.versions = {1, kVersions.newest + 1};
    GatewayScene scene(options);
    scene.leader(1, 2);
    scene.deliver(PeerSpeaks{NodeId(2), 1, 1});
    Json request = set(1, "k");
    request["needs_version"] = options.versions.newest;
    scene.ask(request);
    const Json refused = scene.reply();
    expect_failure(refused, "UNSUPPORTED", "no");
    EXPECT_NE(refused["message"].get<std::string>().find("node 2"), std::string::npos);
    Reconfigured raised;
    raised.configuration.version = options.versions.newest;
    scene.deliver(raised, GatewayScene::neighbour(ActorName::replicator));
    scene.ask(request);
    EXPECT_EQ(scene.count<Propose>(), 1u);
}

}  // namespace
}  // namespace raftbus::testing
