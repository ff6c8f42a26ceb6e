// Scenes of replication: R1 to R3, R5 and R6 of the scenario table, and O3. (R1, R3 and R7 message
// by message: tests/scenarios/replication_*.txt; R4: paper_test, Append5.)

#include <set>

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Replication : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Replication, ::testing::Range<std::uint64_t>(1, 6));

// Raft Figure 8: what a leader found of an older term is committed by an entry of its own.
void expect_commits_by_own_entries(const ClusterRules& rules) {
    Term own;  // of an entry behind this one that was committed in its own term
    const auto& committed = rules.committed();
    for (auto c = committed.rbegin(); c != committed.rend(); ++c) {
        if (c->batch.header.term == c->in) own = c->in;
        EXPECT_EQ(own, c->in) << "at " << c->batch.header.first.value;
    }
}

TEST_P(Replication, R1_LeadersThatDieEarlyCommitOldEntriesByTheirOwn) {
    for (const std::uint32_t lost : {0u, 100'000u}) {
        ClusterOptions options = Scene::options(5, seed());
        options.weather.lost = options.weather.overtaken = options.weather.doubled = lost;
        options.weather.slow_max = 100ms;
        Scene scene(options);
        Random random(seed());
        for (int round = 0; round < 25; ++round) {
            const std::uint32_t leader = scene.wait_for_leader(10s);
            scene.client.send(NodeId(leader), Set{"half way", {}}, "k");
            scene.cluster.run(Duration(random.below(2'000)));
            if (!scene.cluster.node(leader).alive()) continue;
            scene.cluster.crash(leader, Crash::keep_prefix);
            scene.after(Duration(random.below(800'000)), [&cluster = scene.cluster, leader] {
                if (!cluster.node(leader).alive()) cluster.start(leader);
            });
        }
        scene.cluster.network().set_weather({});
        scene.cluster.run(1s);
        scene.wait_for_leader();
        scene.client.set("k", "whole");
        scene.wait_until_equal();
        EXPECT_GE(scene.cluster.rules().terms_led(), 20u);
        expect_commits_by_own_entries(scene.cluster.rules());
    }
}

// One node wins all elections, and its entries reach nobody.
class KeepsEntriesTo final : public Tamper {
public:
    bool on_send(SimNode& node, Envelope&, AnyMessage& message) override {
        if (!keeper) return true;
        if (node.id() == keeper) return !std::holds_alternative<AppendEntries>(message);
        return !std::holds_alternative<PreVote>(message);
    }
    NodeId keeper{1};
};

TEST_P(Replication, R2_ALongTailOfManyTermsIsReplacedInAFewRoundTrips) {
    constexpr std::uint32_t kTerms = 6;
    KeepsEntriesTo tamper;
    ClusterOptions options = Scene::options(3, seed());
    options.tamper = &tamper;
    Scene scene(options);
    scene.cluster.kill(2);
    // Nodes 1 and 2 lead by turns, each while the other is down.
    for (std::uint32_t term = 0; term < kTerms; ++term) {
        const std::uint32_t leader = term % 2 + 1;
        if (!scene.cluster.node(leader).alive()) scene.cluster.start(leader);
        tamper.keeper = NodeId(leader);
        ASSERT_EQ(scene.wait_for_leader(), leader);
        for (int i = 0; i < 10; ++i) {
            scene.client.send(NodeId(leader), Set{"tail", {}}, "k", 100ms);
            scene.cluster.run(2ms);
        }
        scene.cluster.kill(leader);
    }
    tamper.keeper = NodeId();
    scene.cluster.start(2);
    ASSERT_EQ(scene.wait_for_leader(), 2u);
    scene.wait_until_equal();
    ASSERT_GE(scene.cluster.node(2).replicator().log().last().index, LogIndex(11 * kTerms / 2));
    int refusals = 0;
    scene.cluster.on_delivery = [&](const Delivery& delivery) {
        if (const auto* reply = std::get_if<AppendEntriesReply>(&delivery.message))
            refusals += std::holds_alternative<Conflict>(reply->outcome);
    };
    scene.cluster.start(1);
    scene.wait_until_equal();
    EXPECT_GE(refusals, 2);
    EXPECT_LE(refusals, int(kTerms) + 2);
}

TEST_P(Replication, R3_AcknowledgementsTwiceLateAndInAnyOrderAreHarmless) {
    ClusterOptions options = Scene::options(3, seed());
    options.weather.doubled = options.weather.overtaken = 300'000;
    options.weather.slow_max = 100ms;
    Scene scene(options);
    const NodeId leader(scene.wait_for_leader());
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(scene.client.ask(leader, Set{std::to_string(i), {}}, "k").ok);
    EXPECT_EQ(scene.client.get("k"), "99");
    scene.cluster.network().set_weather({});
    scene.cluster.run(200ms);
    scene.wait_until_equal();
}

TEST_P(Replication, R5_ASlowFollowerCostsNobodyElseAnything) {
    constexpr std::uint64_t kTail = 8 << 10;
    ClusterOptions options = Scene::options(3, seed());
    options.node.raft.tail_bytes_max = kTail;
    options.node.raft.in_flight_bytes_max = 4 << 10;
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t slow = scene.others(leader).front();
    scene.sync_takes(slow, 30ms);
    std::uint64_t held_max = 0;
    for (int i = 0; i < 400; ++i) {
        const auto number =
            scene.client.send(NodeId(leader), Set{std::string(200, 'v'), {}}, "k", 1s);
        ASSERT_TRUE(scene.client.wait(number, 20ms));
        held_max =
            std::max(held_max, scene.cluster.node(leader).replicator().log().tail().held_bytes());
    }
    EXPECT_LE(held_max, 2 * kTail);
    scene.wait_until_equal();
    EXPECT_EQ(scene.wait_for_leader(), leader);
}

TEST_P(Replication, R6_ValuesUpToTheLimitAndBatchesBeyondIt) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.gateway.value_bytes_max = 8 << 10;
    options.node.gateway.batch_bytes_max = options.node.raft.append_bytes_max = 2 << 10;
    Scene scene(options);
    const NodeId leader(scene.wait_for_leader());
    const std::string largest(8 << 10, 'v');
    EXPECT_TRUE(scene.client.ask(leader, Set{largest, {}}, "k").ok);
    EXPECT_EQ(scene.client.ask(leader, Set{largest + "v", {}}, "k").error, "TOO_LARGE");
    EXPECT_EQ(scene.client.get("k"), largest);

    std::vector<std::uint64_t> writes;
    for (int i = 0; i < 100; ++i)
        writes.push_back(
            scene.client.send(leader, Set{std::string(500, 'v'), {}}, "k" + std::to_string(i)));
    std::set<std::uint64_t> revisions;
    for (const auto write : writes) {
        const auto reply = scene.client.wait(write, 2s);
        ASSERT_TRUE(reply && reply->ok);
        revisions.insert(reply->revision);
    }
    EXPECT_EQ(revisions.size(), 100u);
    EXPECT_EQ(*revisions.rbegin() - *revisions.begin(), 99u) << "they follow one another";
    scene.wait_until_equal();
}

TEST_P(Replication, O3_TwentySecondsOfOldTrafficAtOnceAreDroppedByTheirTerm) {
    ClusterOptions options = Scene::options(3, seed());
    options.weather.silence_max = 0ms;  // nobody notices the cut
    Scene scene(options);
    const std::uint32_t old = scene.wait_for_leader();
    scene.isolate({old}, Network::Cut::holds);
    for (int i = 0; i < 20; ++i) {
        scene.client.send(NodeId(old), Set{"stale", {}}, "k", 500ms);
        scene.seconds_pass(1);
    }
    const std::uint32_t leader = scene.wait_for_leader_other_than(old);
    scene.client.set("k", "fresh");
    const Term term = scene.term_of(leader);
    scene.cluster.heal();
    scene.wait_until_equal();
    EXPECT_LE(scene.term(), term.next());
    EXPECT_EQ(scene.client.get("k", kRecovery), "fresh");
}

}  // namespace
}  // namespace raftbus::sim
