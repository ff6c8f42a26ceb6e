// Scenes of nodes that are preferred as leaders.

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Leaders : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Leaders, ::testing::Range<std::uint64_t>(1, 6));

// Ten election timeouts, and some for the change itself.
constexpr Duration kMadeRoom = 10s;

ClusterOptions preferring(std::vector<std::uint32_t> priorities, std::uint64_t seed) {
    ClusterOptions options = Scene::options(priorities.size(), seed);
    options.priorities = std::move(priorities);
    return options;
}

auto leads(Scene& scene, std::uint32_t node) {
    return [&scene, node] { return scene.cluster.leader() == NodeId(node); };
}

TEST_P(Leaders, ThePreferredNodeGetsLeadershipBackWhenItIsWell) {
    Scene scene(preferring({0, 5, 0}, seed()));
    scene.wait_for_leader();
    ASSERT_TRUE(scene.cluster.run_until(leads(scene, 2), kMadeRoom));
    scene.cluster.crash(2);
    const std::uint32_t other = scene.wait_for_leader_other_than(2);
    for (int i = 0; i < 20; ++i) scene.client.set("k", std::to_string(i));
    scene.cluster.start(2);
    scene.seconds_pass(3);
    EXPECT_EQ(scene.cluster.leader(), NodeId(other)) << "it has only just come back";
    ASSERT_TRUE(scene.cluster.run_until(leads(scene, 2), kMadeRoom));
    EXPECT_EQ(scene.client.get("k"), "19");
}

TEST_P(Leaders, WritesGoOnWhileLeadershipMovesToThePreferredNode) {
    Scene scene(preferring({0, 0, 3}, seed()));
    scene.wait_for_leader();
    int writes = 0;
    Duration longest{0};
    const Moment end = scene.cluster.now() + 15s;
    while (scene.cluster.now() < end) {
        const Moment before = scene.cluster.now();
        scene.client.set("k", std::to_string(++writes));
        longest = std::max(longest, scene.cluster.now() - before);
        scene.cluster.run(10ms);
    }
    EXPECT_EQ(scene.cluster.leader(), NodeId(3));
    EXPECT_LE(longest, kRecovery / 3) << "an election timeout";
    EXPECT_EQ(scene.client.get("k"), std::to_string(writes));
}

TEST_P(Leaders, OneThatKeepsComingAndGoingIsNotAskedToLead) {
    Scene scene(preferring({1, 1, 9}, seed()));
    scene.cluster.crash(3);
    const std::uint32_t leader = scene.wait_for_leader();
    const Term term = scene.term();
    for (int i = 0; i < 10; ++i) {
        scene.cluster.start(3);
        scene.seconds_pass(4);
        scene.cluster.kill(3);
        scene.seconds_pass(1);
    }
    EXPECT_EQ(scene.cluster.leader(), NodeId(leader));
    EXPECT_EQ(scene.term(), term);
}

TEST_P(Leaders, OneWhoseDiskHangsIsNotAskedToLead) {
    Scene scene(preferring({0, 0, 9}, seed()));
    ASSERT_TRUE(scene.cluster.run_until(leads(scene, 3), kMadeRoom));
    scene.sync_takes(3, 30s);
    scene.client.set("k", "v", 20s);
    const auto handed_over = [&] { return scene.cluster.leader() != NodeId(3); };
    ASSERT_TRUE(scene.cluster.run_until(handed_over, kMadeRoom));
    scene.client.set("k", "w");
    scene.seconds_pass(10);
    EXPECT_NE(scene.cluster.leader(), NodeId(3));
    scene.sync_takes(3, 1ms);
    EXPECT_TRUE(scene.cluster.run_until(leads(scene, 3), 30s + kMadeRoom)) << "its disk answers";
}

TEST_P(Leaders, WhoStopsHandsOverToThePreferredOne) {
    Scene scene(preferring({9, 1, 1, 5, 1}, seed()));
    ASSERT_TRUE(scene.cluster.run_until(leads(scene, 1), kMadeRoom));
    scene.client.set("k", "v");
    scene.wait_until_equal();
    scene.seconds_pass(1);
    scene.cluster.stop(1);
    EXPECT_TRUE(scene.cluster.run_until(leads(scene, 4), kRecovery));
}

}  // namespace
}  // namespace raftbus::sim
