// Scenes of processes and machines that die: P1 to P4 and P7 of the scenario table, and D1.

#include <algorithm>
#include <set>

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Persistence : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Persistence, ::testing::Range<std::uint64_t>(1, 6));

constexpr Crash kLosses[] = {Crash::keep_nothing, Crash::keep_all, Crash::keep_prefix,
                             Crash::keep_sectors};

// What was acknowledged, a key for each write.
class Acknowledged {
public:
    explicit Acknowledged(Scene& scene) : scene_(scene) {}

    void one_more() {
        const std::string key = next();
        scene_.client.set(key, "v");
        keys_.insert(key);
    }
    // Waits for no answer.
    void begin_one_more(NodeId node) {
        const std::string key = next();
        under_way_[scene_.client.send(node, Set{"v", {}}, key, 300ms)] = key;
    }
    void expect_kept() {
        for (const auto& [number, key] : under_way_)
            if (const auto reply = scene_.client.answer(number); reply && reply->ok)
                keys_.insert(key);
        std::set<std::string> found;
        for (const ReplyItem& item : scene_.client.scan()) found.insert(item.key);
        EXPECT_TRUE(std::includes(found.begin(), found.end(), keys_.begin(), keys_.end()));
        one_more();
    }

private:
    std::string next() { return "k" + std::to_string(++last_); }

    Scene& scene_;
    int last_ = 0;
    std::set<std::string> keys_;
    std::map<std::uint64_t, std::string> under_way_;
};

TEST_P(Persistence, P1_ProcessesAreKilledAgainAndAgain) {
    Scene scene(3, seed());
    Acknowledged written(scene);
    Random random(seed());
    written.one_more();
    for (int round = 0; round < 30; ++round) {
        const auto node = static_cast<std::uint32_t>(random.below(3) + 1);
        written.begin_one_more(NodeId(static_cast<std::uint32_t>(random.below(3) + 1)));
        scene.cluster.run(Duration(random.below(3'000)));
        scene.cluster.kill(node);
        scene.cluster.run(Duration(random.below(500'000)));
        scene.cluster.start(node);
        written.expect_kept();
    }
}

// One, a majority, all: at moments when writes are under way.
void lose_power_again_and_again(Scene& scene, std::uint64_t seed) {
    Acknowledged written(scene);
    Random random(seed);
    written.one_more();
    for (int round = 0; round < 24; ++round) {
        const auto first = static_cast<std::uint32_t>(random.below(3));
        written.begin_one_more(NodeId(first + 1));
        scene.cluster.run(Duration(random.below(3'000)));
        for (std::uint32_t i = 0; i <= static_cast<std::uint32_t>(round % 3); ++i) {
            const std::uint32_t node = (first + i) % 3 + 1;
            scene.cluster.crash(node, kLosses[round % 4]);
            scene.after(Duration(random.below(400'000) + 1),
                        [&cluster = scene.cluster, node] { cluster.start(node); });
        }
        scene.cluster.run(400ms);
        for (std::uint32_t n = 1; n <= 3; ++n)
            ASSERT_NE(scene.cluster.node(n).state(), SimNode::State::refused)
                << scene.cluster.node(n).refusal();
        scene.wait_for_leader();
        written.expect_kept();
    }
    scene.wait_until_equal();
}

TEST_P(Persistence, P2_PowerIsLostOnOneNodeOnAMajorityAndOnAll) {
    Scene scene(3, seed());
    lose_power_again_and_again(scene, seed());
}

TEST_P(Persistence, P7_PowerIsLostWhileSegmentsBegin) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.segment_bytes = 1 << 10;
    options.node.state.replay_bytes = 2 << 10;
    Scene scene(options);
    for (std::uint32_t n = 1; n <= 3; ++n) scene.sync_takes(n, 1ms);
    lose_power_again_and_again(scene, seed());
}

TEST_P(Persistence, D1_AWriteThatPowerLossToreIsCutOff) {
    Scene scene(1, seed());
    Acknowledged written(scene);
    Random random(seed());
    for (int round = 0; round < 40; ++round) {
        written.one_more();
        written.begin_one_more(NodeId(1));
        scene.cluster.run(Duration(random.below(800)));
        scene.cluster.crash(1, round % 2 == 0 ? Crash::keep_prefix : Crash::keep_sectors);
        scene.cluster.start(1);
        ASSERT_NE(scene.cluster.node(1).state(), SimNode::State::refused)
            << scene.cluster.node(1).refusal();
        written.expect_kept();
    }
}

TEST_P(Persistence, P3_AVoterDiesBeforeWhileAndAfterItSavesItsVote) {
    for (Duration late = 0us; late < 1'500us; late += 100us) {
        Scene scene(3, seed());
        const std::uint32_t leader = scene.wait_for_leader();
        scene.client.set("k", "v");
        std::uint32_t voter = 0;
        scene.cluster.on_delivery = [&](const Delivery& delivery) {
            if (voter != 0 || !std::holds_alternative<RequestVote>(delivery.message)) return;
            voter = delivery.envelope.to.node.value;
            scene.after(late, [&cluster = scene.cluster, voter] {
                cluster.crash(voter);
                cluster.start(voter);
            });
        };
        scene.cluster.kill(leader);
        ASSERT_TRUE(scene.cluster.run_until([&] { return voter != 0; }, kRecovery));
        scene.cluster.run(10ms);
        scene.wait_for_leader(2 * kRecovery);
        EXPECT_EQ(scene.client.get("k"), "v");
    }
}

TEST_P(Persistence, P4_AFailedSyncEndsTheNodeAtOnce) {
    for (const bool of_the_leader : {true, false}) {
        Scene scene(3, seed());
        Acknowledged written(scene);
        written.one_more();
        const std::uint32_t leader = scene.wait_for_leader();
        const std::uint32_t node = of_the_leader ? leader : scene.others(leader).front();
        SimDisk& disk = scene.cluster.node(node).disk();
        disk.fail_sync_after(0);
        const std::uint64_t syncs = disk.syncs();
        written.begin_one_more(NodeId(leader));
        ASSERT_TRUE(scene.cluster.run_until(
            [&] { return scene.cluster.node(node).state() == SimNode::State::down; }, 1s));
        EXPECT_LE(disk.syncs(), syncs + 1) << "it is not tried again";
        scene.wait_for_leader();
        written.expect_kept();
        disk.fail_sync_after(UINT64_MAX);
        scene.cluster.start(node);
        scene.wait_until_equal();
        written.expect_kept();
    }
}

}  // namespace
}  // namespace raftbus::sim
