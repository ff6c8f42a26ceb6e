// A node whose state is not the others' finds out in the cluster, not by the simulator's rules: one
// batch is counted and not carried out there.
#include "storage/kv_forgetful.hpp"
#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

// Has one node forget one batch.
class Forgetting : public Tamper {
public:
    using Tamper::wrap;
    std::unique_ptr<KvState> wrap(NodeId node, std::unique_ptr<KvState> state) override {
        return std::make_unique<KvForgetful>(std::move(state), [this, node](const Batch&) {
            return std::exchange(next_, next_ == node ? NodeId() : next_) == node;
        });
    }
    void forget_next_at(std::uint32_t node) { next_ = NodeId(node); }

private:
    NodeId next_;
};

class Digests : public SceneTest {
protected:
    static ClusterOptions options(std::size_t nodes, Forgetting& forgetting) {
        ClusterOptions options = Scene::options(nodes, seed());
        options.tamper = &forgetting;
        options.node.segment_bytes = 1 << 10;
        options.node.keep_bytes = 2 << 10;
        options.node.keep_entries = 20;
        options.node.state.replay_entries = 10;
        options.node.raft.tail_bytes_max = 0;
        options.node.raft.snapshot_piece_bytes = 300;
        return options;
    }
    static void write(Scene& scene, int count) {
        for (int i = 0; i < count; ++i) scene.client.set("key " + std::to_string(i), "v");
    }
    static void spoil(Scene& scene, Forgetting& forgetting, std::uint32_t node) {
        scene.cluster.rules().let_state_differ(NodeId(node));
        forgetting.forget_next_at(node);
        write(scene, 1);
    }
    // Whether the node answers from its state; it answers at once if not.
    static bool serves(Scene& scene, std::uint32_t node) {
        const ReplyFields reply =
            scene.client.ask(NodeId(node), Get{}, "key 0", 2s, Reading::local);
        EXPECT_TRUE(reply.ok || reply.error == "BUSY") << reply.error;
        return reply.ok;
    }
    static bool stops_serving(Scene& scene, std::uint32_t node) {
        for (int second = 0; second < 5 && serves(scene, node); ++second) scene.seconds_pass(1);
        return !serves(scene, node);
    }
};

INSTANTIATE_TEST_SUITE_P(Seeds, Digests, ::testing::Range<std::uint64_t>(1, 6));

TEST_P(Digests, AFollowerThatDiffersServesNobodyAndARestartFindsItAgain) {
    Forgetting forgetting;
    Scene scene(options(3, forgetting));
    const std::uint32_t leader = scene.wait_for_leader();
    write(scene, 5);
    scene.wait_until_equal();
    const std::uint32_t wrong = scene.others(leader).front();
    spoil(scene, forgetting, wrong);
    EXPECT_TRUE(stops_serving(scene, wrong));
    for (const std::uint32_t other : scene.others(wrong)) EXPECT_TRUE(serves(scene, other));
    EXPECT_EQ(scene.wait_for_leader(), leader) << "nobody was disturbed";

    write(scene, 30);  // the wrong state is flushed, with what follows
    scene.wait_until_equal();
    scene.cluster.kill(wrong);
    scene.cluster.start(wrong);
    scene.wait_until_equal();
    EXPECT_TRUE(stops_serving(scene, wrong));
    // It does not campaign; but it votes, so that one more may be lost.
    scene.cluster.kill(leader);
    const std::uint32_t last = scene.others({wrong, leader}).front();
    EXPECT_EQ(scene.wait_for_leader(5s), last);
    scene.client.set("after", "v");
}

TEST_P(Digests, ALeaderThatDiffersHandsOver) {
    Forgetting forgetting;
    Scene scene(options(3, forgetting));
    const std::uint32_t wrong = scene.wait_for_leader();
    write(scene, 5);
    scene.wait_until_equal();
    spoil(scene, forgetting, wrong);
    const std::uint32_t next = scene.wait_for_leader_other_than(wrong, 5s);
    EXPECT_TRUE(stops_serving(scene, wrong));
    EXPECT_TRUE(serves(scene, next));
    scene.client.set("after", "v");
    scene.seconds_pass(5);
    EXPECT_NE(scene.wait_for_leader(), wrong);
}

TEST_P(Digests, OfTwoTheOneThatDoesNotLeadStops) {
    Forgetting forgetting;
    Scene scene(options(2, forgetting));
    const std::uint32_t leader = scene.wait_for_leader();
    write(scene, 5);
    scene.wait_until_equal();
    spoil(scene, forgetting, leader);
    EXPECT_TRUE(stops_serving(scene, scene.others(leader).front()));
    EXPECT_TRUE(serves(scene, leader));
    EXPECT_EQ(scene.wait_for_leader(), leader);
}

TEST_P(Digests, ASnapshotMakesItWellAgain) {
    Forgetting forgetting;
    Scene scene(options(3, forgetting));
    const std::uint32_t leader = scene.wait_for_leader();
    write(scene, 5);
    scene.wait_until_equal();
    const std::uint32_t wrong = scene.others(leader).front();
    spoil(scene, forgetting, wrong);
    EXPECT_TRUE(stops_serving(scene, wrong));
    scene.isolate({wrong});
    write(scene, 200);
    ASSERT_GT(scene.cluster.node(leader).log().first(), LogIndex(50)) << "the log was cut";
    scene.cluster.heal();
    scene.wait_until_equal(10s);
    EXPECT_EQ(scene.cluster.node(wrong).kv().digest(), scene.cluster.node(leader).kv().digest());
    EXPECT_TRUE(serves(scene, wrong));
    scene.seconds_pass(3);
    EXPECT_TRUE(serves(scene, wrong)) << "and stays so";
}

}  // namespace
}  // namespace raftbus::sim
