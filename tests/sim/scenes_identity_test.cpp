// Scenes of disks that are not what their nodes' names promise: emptied ones, and first starts that
// look alike.

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Identity : public SceneTest {
protected:
    Identity() : options_(Scene::options(3, seed())) { options_.identities = true; }

    static const Configuration& known(Scene& scene, std::uint32_t node) {
        return scene.cluster.node(node)
            .replicator()
            .log()
            .configurations()
            .in_force()
            .configuration;
    }
    static bool bound(Scene& scene, std::uint32_t node) {
        const Configuration& configuration = known(scene, node);
        return configuration.formed && configuration.version == 2 &&
               std::ranges::all_of(configuration.members,
                                   [](const Member& member) { return member.disk != 0; });
    }
    static void wait_until_bound(Scene& scene, Duration limit = kRecovery) {
        const auto all = [&] {
            for (std::uint32_t n = 1; n <= 3; ++n)
                if (scene.cluster.node(n).alive() && !bound(scene, n)) return false;
            return true;
        };
        ASSERT_TRUE(scene.cluster.run_until(all, limit));
    }

    ClusterOptions options_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, Identity, ::testing::Range<std::uint64_t>(1, 6));

TEST_P(Identity, AClusterGetsAnIdAndItsDisksAreKnown) {
    Scene scene(options_);
    scene.wait_for_leader();
    wait_until_bound(scene);
    EXPECT_NE(known(scene, 1).cluster, 0u);
    EXPECT_EQ(known(scene, 1).cluster, known(scene, 2).cluster);
    EXPECT_EQ(known(scene, 1).cluster, known(scene, 3).cluster);
}

TEST_P(Identity, AnEmptiedDiskNeitherVotesNorCounts) {
    Scene scene(options_);
    scene.wait_for_leader();
    wait_until_bound(scene);
    scene.cluster.kill(3);
    scene.client.set("k", "acknowledged");
    scene.cluster.kill(1);
    scene.cluster.kill(2);
    scene.cluster.lose_disk(2);
    scene.cluster.start(2);
    scene.cluster.start(3);
    scene.cluster.run(5s);
    EXPECT_FALSE(scene.cluster.leader()) << "one old disk and one empty one are no majority";
    scene.cluster.start(1);
    scene.wait_for_leader();
    EXPECT_EQ(scene.client.get("k"), "acknowledged");
    scene.client.set("k", "more");
    scene.cluster.kill(3);
    scene.cluster.run(2s);
    EXPECT_FALSE(scene.cluster.leader()) << "it does not acknowledge either";
}

TEST_P(Identity, AnEmptiedDiskIsOfUseAgainOnceItWasDemoted) {
    Scene scene(options_);
    const std::uint32_t leader = scene.wait_for_leader();
    wait_until_bound(scene);
    const std::uint32_t lost = leader % 3 + 1;
    scene.client.set("k", "v");
    scene.cluster.kill(lost);
    scene.repair(lost);
    scene.wait_for_members("[n1, n2, n3]", 10s);
    wait_until_bound(scene);
    scene.cluster.kill(leader);
    scene.wait_for_leader_other_than(leader, 10s);
    EXPECT_EQ(scene.client.get("k"), "v");
}

TEST_P(Identity, FirstStartsMinutesApartNeedNothingByHand) {
    ClusterOptions options = options_;
    Scene scene(options);
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.kill(n);
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.lose_disk(n);
    scene.cluster.start(1);
    scene.cluster.run(120s);
    EXPECT_FALSE(scene.cluster.leader());
    scene.cluster.start(2);
    scene.wait_for_leader();
    scene.client.set("k", "v");
    scene.cluster.run(120s);
    scene.cluster.start(3);
    wait_until_bound(scene, 10s);
    scene.cluster.kill(1);
    scene.wait_for_leader_other_than(1);
    EXPECT_EQ(scene.client.get("k"), "v");
}

}  // namespace
}  // namespace raftbus::sim
