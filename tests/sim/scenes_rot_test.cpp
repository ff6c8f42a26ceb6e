// A key that a node can not read: an answer with an error, a repair, and never the end of the node.
#include "storage/kv_rotten.hpp"
#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

// Has "key 0" rot at some nodes, until another state takes the place of theirs.
class Rot : public Tamper {
public:
    using Tamper::wrap;
    std::unique_ptr<KvState> wrap(NodeId node, std::unique_ptr<KvState> state) override {
        return std::make_unique<KvRotten>(
            std::move(state),
            [this, node](std::string_view key) { return key == "key 0" && rotten_.contains(node); },
            [this, node] { rotten_.erase(node); });
    }
    void rot_at(std::uint32_t node) { rotten_.insert(NodeId(node)); }
    bool rotten(std::uint32_t node) const { return rotten_.contains(NodeId(node)); }

private:
    std::set<NodeId> rotten_;
};

class RotTest : public SceneTest {
protected:
    static ClusterOptions options(std::size_t nodes, Rot& rot) {
        ClusterOptions options = Scene::options(nodes, seed());
        options.tamper = &rot;
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
    static std::string read_at(Scene& scene, std::uint32_t node, const std::string& key = "key 0") {
        const ReplyFields reply = scene.client.ask(NodeId(node), Get{}, key, 2s, Reading::local);
        return reply.ok ? "ok" : reply.error;
    }
    static bool heals(Scene& scene, const Rot& rot, std::uint32_t node) {
        for (int tenth = 0; tenth < 100 && rot.rotten(node); ++tenth) scene.cluster.run(100ms);
        if (rot.rotten(node)) return false;
        scene.wait_until_equal();
        return read_at(scene, node) == "ok";
    }
};

INSTANTIATE_TEST_SUITE_P(Seeds, RotTest, ::testing::Range<std::uint64_t>(1, 6));

TEST_P(RotTest, AFollowerAnswersWithAnErrorAndGetsAnotherState) {
    Rot rot;
    Scene scene(options(3, rot));
    const std::uint32_t leader = scene.wait_for_leader();
    write(scene, 25);
    scene.wait_until_equal();
    const std::uint32_t bad = scene.others(leader).front();
    rot.rot_at(bad);
    EXPECT_EQ(read_at(scene, bad), "DAMAGED");
    EXPECT_EQ(read_at(scene, bad, "key 1"), "DAMAGED") << "nothing is answered from such a state";
    EXPECT_EQ(read_at(scene, leader), "ok");
    EXPECT_TRUE(heals(scene, rot, bad));
    EXPECT_EQ(scene.wait_for_leader(), leader) << "nobody was disturbed";
    write(scene, 25);
    scene.wait_until_equal();
}

TEST_P(RotTest, ALeaderHandsOverAndGetsAnotherState) {
    Rot rot;
    Scene scene(options(3, rot));
    const std::uint32_t bad = scene.wait_for_leader();
    write(scene, 25);
    scene.wait_until_equal();
    rot.rot_at(bad);
    EXPECT_EQ(read_at(scene, bad), "DAMAGED");
    const std::uint32_t next = scene.wait_for_leader_other_than(bad, 5s);
    EXPECT_EQ(read_at(scene, next), "ok");
    EXPECT_TRUE(heals(scene, rot, bad));
    write(scene, 25);
    scene.wait_until_equal();
}

TEST_P(RotTest, WhatCanNotBeAppliedIsAppliedToTheNextState) {
    Rot rot;
    Scene scene(options(3, rot));
    const std::uint32_t leader = scene.wait_for_leader();
    write(scene, 25);
    scene.wait_until_equal();
    const std::uint32_t bad = scene.others(leader).front();
    rot.rot_at(bad);
    EXPECT_TRUE(scene.client.ask(NodeId(leader), Erase{}, "key 0").ok);
    write(scene, 40);  // far more than the log keeps in memory
    EXPECT_TRUE(heals(scene, rot, bad));
    scene.wait_until_equal();
}

// It acknowledges entries all the while: without it there would be no majority.
TEST_P(RotTest, OneOfTwoIsRepairedWhileWritesGoOn) {
    Rot rot;
    Scene scene(options(3, rot));
    const std::uint32_t leader = scene.wait_for_leader();
    write(scene, 25);
    scene.wait_until_equal();
    scene.cluster.kill(scene.others(leader).back());
    const std::uint32_t bad = scene.others(leader).front();
    rot.rot_at(bad);
    EXPECT_EQ(read_at(scene, bad), "DAMAGED");
    write(scene, 5);
    EXPECT_TRUE(heals(scene, rot, bad));
}

// What it would send is as bad: it finds out before a byte leaves, and another node sends its own.
TEST_P(RotTest, ALeaderDoesNotSendWhatItCanNotRead) {
    Rot rot;
    Scene scene(options(3, rot));
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t late = scene.others(leader).front();
    scene.cluster.kill(late);
    write(scene, 60);
    rot.rot_at(leader);
    scene.cluster.start(late);
    scene.wait_for_leader_other_than(leader, 10s);
    EXPECT_TRUE(heals(scene, rot, leader));
    scene.wait_until_equal();
    EXPECT_EQ(read_at(scene, late), "ok");
}

TEST_P(RotTest, AloneItSaysSoAndLives) {
    Rot rot;
    Scene scene(options(1, rot));
    scene.wait_for_leader();
    write(scene, 25);
    rot.rot_at(1);
    EXPECT_EQ(read_at(scene, 1), "DAMAGED");
    scene.seconds_pass(5);
    EXPECT_EQ(read_at(scene, 1, "key 1"), "DAMAGED");
}

}  // namespace
}  // namespace raftbus::sim
