// Scenes of disks that are full, slow, or lie: P5, P6, D2 and D3 of the scenario table.

#include "sim/rot.hpp"
#include "storage/log_format.hpp"
#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Disks : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Disks, ::testing::Range<std::uint64_t>(1, 6));

ClusterOptions small_segments(std::uint64_t seed) {
    ClusterOptions options = Scene::options(3, seed);
    options.node.segment_bytes = 4 << 10;
    return options;
}

const std::string kValue(400, 'v');

// Writes at this node until one is refused for lack of space; true if one is. Of the first that
// does not fit nothing is known but that.
bool fill(Scene& scene, NodeId node) {
    for (int i = 0; i < 100; ++i) {
        const auto reply = scene.client.ask(node, Set{kValue, {}}, "k" + std::to_string(i), 1s);
        if (reply.error == "NO_SPACE") return true;
        EXPECT_TRUE(reply.ok || reply.error == "TIMEOUT") << reply.error;
    }
    return false;
}

TEST_P(Disks, P5_AFullDiskOnOneNodeStopsNobody) {
    for (const bool of_the_leader : {true, false}) {
        Scene scene(small_segments(seed()));
        const std::uint32_t leader = scene.wait_for_leader();
        const std::uint32_t full = of_the_leader ? leader : scene.others(leader).front();
        scene.client.set("k", "v");
        scene.cluster.node(full).disk().fill_up();
        for (int i = 0; i < 100; ++i) scene.client.set("k" + std::to_string(i), kValue);
        scene.wait_for_leader_other_than(full);
        EXPECT_EQ(scene.client.ask(NodeId(full), Get{}, "k", 1s, Reading::local).value, "v");

        scene.cluster.kill(full);
        scene.cluster.start(full);
        scene.cluster.run(100ms);
        EXPECT_TRUE(scene.cluster.node(full).runs()) << scene.cluster.node(full).refusal();
        scene.cluster.node(full).disk().set_room(UINT64_MAX);
        scene.wait_until_equal(2 * kRecovery);
    }
}

TEST_P(Disks, P5_FullDisksOnAMajorityRefuseWritesAndServeReads) {
    Scene scene(small_segments(seed()));
    const NodeId leader(scene.wait_for_leader());
    scene.client.set("k", "v");
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.node(n).disk().fill_up();
    EXPECT_TRUE(fill(scene, leader));
    EXPECT_EQ(scene.client.get("k"), "v");
    EXPECT_EQ(scene.client.ask(leader, Set{kValue, {}}, "refused").error, "NO_SPACE");

    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.kill(n);
    scene.cluster.start();
    scene.wait_for_leader();
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.node(n).disk().set_room(UINT64_MAX);
    scene.client.set("k", "w", kRecovery);
    EXPECT_EQ(scene.client.get("refused"), std::nullopt);
    EXPECT_EQ(scene.client.get("k"), "w");
    scene.wait_until_equal();
}

TEST_P(Disks, P5_ADiskThatItsOwnLogHasFilledMakesRoomForItself) {
    Scene scene(small_segments(seed()));
    scene.wait_for_leader();
    for (int i = 0; i < 50; ++i) scene.client.set("k" + std::to_string(i), kValue);
    scene.wait_until_equal();
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.node(n).disk().set_room(0);
    for (int i = 0; i < 300; ++i) scene.client.set("k" + std::to_string(i), kValue);
    for (std::uint32_t n = 1; n <= 3; ++n)
        EXPECT_GT(scene.cluster.node(n).replicator().log().tail().first_on_disk(), LogIndex(100));
    scene.wait_until_equal();
}

TEST_P(Disks, P5_AStateThatFindsNoRoomStaysInMemoryAndIsWrittenLater) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.state.replay_entries = 10;
    Scene scene(options);
    scene.wait_for_leader();
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.node(n).disk().fill_up();
    for (int i = 0; i < 60; ++i) scene.client.set("k" + std::to_string(i), "v");
    scene.seconds_pass(2);
    const auto flushed = [&](std::uint32_t n) {
        return scene.cluster.node(n).kv().flushed().index;
    };
    std::vector<LogIndex> full;
    for (std::uint32_t n = 1; n <= 3; ++n) full.push_back(flushed(n));
    for (int i = 0; i < 60; ++i) scene.client.set("k" + std::to_string(i), "w");
    scene.seconds_pass(2);
    for (std::uint32_t n = 1; n <= 3; ++n) {
        EXPECT_TRUE(scene.cluster.node(n).runs());
        EXPECT_EQ(flushed(n), full[n - 1]) << "the reserve is used up";
        EXPECT_GT(flushed(n), LogIndex(0)) << "with the reserve's room";
    }
    EXPECT_EQ(scene.client.get("k7"), "w");
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.node(n).disk().set_room(UINT64_MAX);
    scene.seconds_pass(2);
    for (std::uint32_t n = 1; n <= 3; ++n) EXPECT_GT(flushed(n), LogIndex(100));
    for (std::uint32_t n = 1; n <= 3; ++n) {
        scene.cluster.crash(n);
        scene.cluster.start(n);
    }
    scene.wait_for_leader();
    EXPECT_EQ(scene.client.get("k7"), "w");
    scene.wait_until_equal();
}

// How long writes take at a node, at most, twenty a second for five seconds.
Duration slowest_write(Scene& scene, NodeId node) {
    Duration slowest{};
    const Moment end = scene.cluster.now() + 5s;
    while (scene.cluster.now() < end) {
        const Moment begin = scene.cluster.now();
        EXPECT_TRUE(scene.client.ask(node, Set{"v", {}}, "k", 5s).ok);
        slowest = std::max(slowest, scene.cluster.now() - begin);
        scene.cluster.run(50ms);
    }
    return slowest;
}

TEST_P(Disks, P6_SyncsOfASecondOnTheLeaderOrAFollowerHoldUpNobodyForLong) {
    for (const bool of_the_leader : {true, false}) {
        Scene scene(3, seed());
        const std::uint32_t leader = scene.wait_for_leader();
        const std::uint32_t slow = of_the_leader ? leader : scene.others(leader).front();
        const std::uint32_t asked = scene.others({leader, slow}).front();
        scene.client.set("k", "before");
        const std::size_t terms = scene.cluster.rules().terms_led();
        scene.sync_takes(slow, 1s);
        EXPECT_LE(slowest_write(scene, NodeId(asked)), kRecovery);
        EXPECT_LE(slowest_write(scene, NodeId(asked)), 100ms) << "a majority's disks are fast";
        EXPECT_LE(scene.cluster.rules().terms_led(), terms + 2);
        scene.sync_takes(slow, 300us);
        scene.seconds_pass(3);
        scene.wait_until_equal();
    }
}

TEST_P(Disks, D2_ANodeWhoseLogHasRottenDoesNotStart) {
    Scene scene(small_segments(seed()));
    const std::uint32_t leader = scene.wait_for_leader();
    for (int i = 0; i < 50; ++i) scene.client.set("k" + std::to_string(i), kValue);
    scene.cluster.kill(leader);
    Random random(seed());
    ASSERT_TRUE(rot_a_bit(scene.cluster.node(leader).disk(), leader, random));
    scene.cluster.start(leader);
    EXPECT_EQ(scene.cluster.node(leader).state(), SimNode::State::refused);
    EXPECT_NE(scene.cluster.node(leader).refusal().find("seg-"), std::string::npos)
        << scene.cluster.node(leader).refusal();
    scene.wait_for_leader();
    scene.client.set("k", "v", kRecovery);
    EXPECT_EQ(scene.client.get("k0"), kValue);
}

TEST_P(Disks, D3_AFileOfAnotherNodeIsNotTakenForItsOwn) {
    Scene scene(small_segments(seed()));
    scene.wait_for_leader();
    for (int i = 0; i < 50; ++i) scene.client.set("k" + std::to_string(i), kValue);
    scene.wait_until_equal();
    SimDisk& theirs = scene.cluster.node(2).disk();
    SimDisk& own = scene.cluster.node(1).disk();
    scene.cluster.kill(1);
    const std::string name = segment_name(2);
    ASSERT_EQ(own.content(name).size(), theirs.content(name).size());
    own.overwrite(name, 0, theirs.content(name));
    scene.cluster.start(1);
    EXPECT_EQ(scene.cluster.node(1).state(), SimNode::State::refused);
    scene.wait_for_leader();
    scene.client.set("k", "v", kRecovery);
}

}  // namespace
}  // namespace raftbus::sim
