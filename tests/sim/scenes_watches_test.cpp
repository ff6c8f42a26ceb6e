// Scenes of watches: what a watcher is told over crashes, restarts and snapshots.

#include <map>

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

// Watches all keys at one node, from a revision on.
class SceneWatch final {
public:
    SceneWatch(Scene& scene, std::uint32_t node, std::uint64_t from)
        : id_(scene.client.watch(NodeId(node), {true, from, 200}, "")), scene_(scene) {}
    const std::vector<ReplyFields>& told() const { return scene_.client.stream(id_); }
    // "watching 4; set a=1@5; delete a@6"
    std::string text() const {
        std::string text;
        for (const ReplyFields& reply : told()) {
            if (reply.progress) continue;
            if (!text.empty()) text += "; ";
            if (!reply.ok)
                text += reply.error;
            else if (reply.watching)
                text += "watching " + std::to_string(reply.revision);
            else
                text += reply.event + " " + reply.key + "=" + reply.value + "@" +
                        std::to_string(reply.revision);
        }
        return text;
    }
    bool wait_for(const std::string& end, Duration limit = 10s) {
        return scene_.cluster.run_until([&] { return text().ends_with(end); }, limit);
    }

private:
    std::uint64_t id_;
    Scene& scene_;
};

class Watches : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Watches, ::testing::Range<std::uint64_t>(1, 6));

TEST_P(Watches, TellFollowersChangesAndThePastAlike) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t follower = scene.others(leader).front();
    const std::uint64_t first = scene.client.set("a", "1");
    SceneWatch now(scene, follower, first + 1);
    scene.client.set("b", "2");
    scene.client.ask(NodeId(leader), Erase{}, "a");
    scene.client.ask(NodeId(leader), Erase{}, "a");
    const std::uint64_t last = scene.client.set("end", "3");
    const std::string end = "set end=3@" + std::to_string(last);
    ASSERT_TRUE(now.wait_for(end)) << now.text();
    SceneWatch past(scene, follower, first + 1);
    ASSERT_TRUE(past.wait_for(end)) << past.text();
    EXPECT_EQ(past.text(), now.text());
    EXPECT_EQ(now.text(), "watching " + std::to_string(first) + "; set b=2@" +
                              std::to_string(first + 1) + "; delete a=@" +
                              std::to_string(first + 2) + "; " + end);
}

// What a conditional write and a DELETE came to stands in no log.
TEST_P(Watches, ARestartKnowsWhatTheLogDoesNotSay) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.state.replay_entries = 4;  // flushes all the time
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint64_t first = scene.client.set("k", "0");
    SceneWatch before(scene, leader, first);
    for (int i = 0; i < 20; ++i) {
        scene.client.ask(NodeId(leader), Set{"never", {.if_revision = 1'000}}, "k");
        scene.client.ask(NodeId(leader), Erase{}, "not there");
        scene.client.ask(NodeId(leader), Set{std::to_string(i), {}}, "k");
    }
    const std::string end = "set end=1@" + std::to_string(scene.client.set("end", "1"));
    ASSERT_TRUE(before.wait_for(end)) << before.text();
    EXPECT_EQ(before.text().find("never"), std::string::npos);
    scene.cluster.run(1s);
    scene.cluster.crash(leader);
    scene.cluster.start(leader);
    scene.wait_for_leader();
    SceneWatch after(scene, leader, first);
    ASSERT_TRUE(after.wait_for(end)) << after.text();
    EXPECT_EQ(after.text(), before.text());
}

TEST_P(Watches, AnOrderlyStopEndsThemAndAnotherNodeGoesOn) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t follower = scene.others(leader).front();
    SceneWatch watch(scene, follower, 0);
    ASSERT_TRUE(scene.cluster.run_until([&] { return !watch.told().empty(); }, 2s));
    const std::uint64_t revision = scene.client.set("a", "1");
    ASSERT_TRUE(watch.wait_for("set a=1@" + std::to_string(revision)));
    scene.cluster.stop(follower);
    ASSERT_TRUE(watch.wait_for("BUSY"));
    EXPECT_GE(watch.told().back().revision, revision);
    SceneWatch next(scene, leader, watch.told().back().revision + 1);
    const std::uint64_t later = scene.client.set("a", "2");
    EXPECT_TRUE(next.wait_for("set a=2@" + std::to_string(later))) << next.text();
}

}  // namespace
}  // namespace raftbus::sim
