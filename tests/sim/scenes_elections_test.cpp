// Scenes of elections: E1 to E9 of the scenario table.

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Elections : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Elections, ::testing::Range<std::uint64_t>(1, 6));

TEST_P(Elections, E1_AColdStartWithEqualTimeoutsFindsALeader) {
    for (const std::size_t nodes : {1, 3, 5}) {
        ClusterOptions options = Scene::options(nodes, seed());
        options.node.raft.election_timeout_max = options.node.raft.election_timeout_min;
        Scene scene(options);
        scene.wait_for_leader(3s);
        scene.client.set("k", "v");
        EXPECT_LE(scene.term(), Term(5)) << nodes << " nodes";
    }
}

TEST_P(Elections, E2_ALeaderThatWasCutOffStepsDownAndDropsItsTail) {
    Scene scene(3, seed());
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "before");
    scene.isolate({old});
    const auto lost = scene.client.send(NodeId(old), Set{"lost", {}}, "k", 200ms);
    scene.wait_for_leader_other_than(old);
    EXPECT_EQ(scene.client.answer(lost)->error, "TIMEOUT");
    scene.client.set("k", "after");
    scene.wait_until_deposed(old);
    scene.cluster.heal();
    scene.wait_until_equal();
    EXPECT_EQ(scene.client.get("k"), "after");
}

TEST_P(Elections, E3_ALeaderThatOnlySendsIsReplaced) {
    Scene scene(3, seed());
    const std::uint32_t deaf = scene.wait_for_leader();
    for (const std::uint32_t other : scene.others(deaf)) scene.cluster.cut_one_way(other, deaf);
    scene.wait_for_leader_other_than(deaf);
    scene.client.set("k", "v");
    scene.wait_until_deposed(deaf);
    scene.cluster.heal();
    scene.wait_until_equal();
}

TEST_P(Elections, E3_ALeaderThatOnlyReceivesIsReplaced) {
    Scene scene(3, seed());
    const std::uint32_t mute = scene.wait_for_leader();
    for (const std::uint32_t other : scene.others(mute)) scene.cluster.cut_one_way(mute, other);
    scene.wait_for_leader_other_than(mute);
    scene.client.set("k", "v");
    scene.wait_until_deposed(mute);
    scene.cluster.heal();
    scene.wait_until_equal();
}

TEST_P(Elections, E4_WithOneLinkCutALeaderStays) {
    Scene scene(3, seed());
    scene.wait_for_leader();
    scene.cluster.cut(1, 3);
    scene.seconds_pass(5);
    const std::uint32_t leader = scene.wait_for_leader();
    const Term term = scene.term();
    scene.seconds_pass(60);
    EXPECT_EQ(scene.wait_for_leader(), leader);
    EXPECT_EQ(scene.term(), term);
    EXPECT_LE(term, Term(4));
    scene.client.set("k", "v");
}

TEST_P(Elections, E5_AFollowerThatWasAloneForAThousandTimeoutsDisturbsNobody) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    const Term term = scene.term();
    const std::uint32_t alone = scene.others(leader).front();
    scene.isolate({alone});
    scene.seconds_pass(450);
    EXPECT_EQ(scene.term_of(alone), term);
    scene.cluster.heal();
    scene.wait_until_equal();
    scene.seconds_pass(5);
    EXPECT_EQ(scene.wait_for_leader(), leader);
    EXPECT_EQ(scene.term(), term);
}

TEST_P(Elections, E6_TheShortLogOfTheHigherTermWinsOverTheLongOne) {
    Scene scene(3, seed());
    const std::uint32_t longer = scene.wait_for_leader();
    scene.isolate({longer});
    for (int i = 0; i < 20; ++i) scene.client.send(NodeId(longer), Set{"lost", {}}, "k", 100ms);
    const std::uint32_t next = scene.wait_for_leader_other_than(longer);
    scene.client.set("k", "kept");
    const std::uint32_t shorter = scene.others({longer, next}).front();
    ASSERT_GT(scene.cluster.node(longer).replicator().log().last().index,
              scene.cluster.node(shorter).replicator().log().last().index);
    scene.cluster.crash(next);
    scene.cluster.heal();
    EXPECT_EQ(scene.wait_for_leader_other_than(longer), shorter);
    EXPECT_EQ(scene.client.get("k"), "kept");
}

TEST_P(Elections, E7_APausedLeaderWakesUpToANewTerm) {
    Scene scene(3, seed());
    const std::uint32_t paused = scene.wait_for_leader();
    scene.client.set("k", "old");
    scene.cluster.pause(paused);
    scene.wait_for_leader_other_than(paused);
    scene.client.set("k", "new");
    // Its queues fill meanwhile.
    std::vector<std::uint64_t> reads;
    for (int i = 0; i < 60; ++i) {
        reads.push_back(scene.client.send(NodeId(paused), Get{}, "k", 10s));
        scene.cluster.run(100ms);
    }
    scene.cluster.resume(paused);
    scene.wait_until_equal();
    scene.seconds_pass(2);
    for (const auto read : reads) {
        const auto reply = scene.client.answer(read);
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->value, reply->ok ? "new" : "");
    }
}

TEST_P(Elections, E8_VotesThatComeTwiceLateAndInAnyOrderElectNoTwo) {
    ClusterOptions options = Scene::options(5, seed());
    Weather storm;
    storm.doubled = storm.overtaken = 300'000;
    storm.slow = 100'000;
    storm.slow_max = 1s;
    options.weather = storm;
    Scene scene(options);
    for (int round = 0; round < 10; ++round) {
        const std::uint32_t leader = scene.wait_for_leader(30s);
        scene.cluster.kill(leader);
        scene.cluster.run(700ms);
        scene.cluster.start(leader);
    }
    EXPECT_GE(scene.cluster.rules().terms_led(), 10u);
    scene.cluster.network().set_weather({});
    scene.cluster.run(1s);  // what is late comes
    scene.wait_for_leader();
    scene.client.set("k", "v");
}

TEST_P(Elections, E9_FiveNodesInARingAndFlappingLinks) {
    Scene scene(5, seed());
    scene.wait_for_leader();
    for (std::uint32_t n = 1; n <= 5; ++n)
        scene.cluster.cut(n, (n + 1) % 5 + 1);  // each sees its two neighbours
    scene.seconds_pass(30);
    EXPECT_LE(scene.term(), Term(10));
    scene.cluster.heal();
    scene.wait_for_leader();

    Random random(seed());
    for (int flap = 0; flap < 200; ++flap) {
        const auto a = static_cast<std::uint32_t>(random.below(5) + 1);
        const auto b = static_cast<std::uint32_t>(random.below(5) + 1);
        scene.cluster.cut(a, b);
        scene.cluster.run(100ms);
        if (random.below(2) == 0) scene.cluster.heal(a, b);
    }
    EXPECT_LE(scene.term(), Term(60));
    scene.cluster.heal();
    scene.wait_for_leader();
    scene.client.set("k", "v", kRecovery);
    scene.wait_until_equal();
}

}  // namespace
}  // namespace raftbus::sim
