// Scenes of sessions, C1 to C3 of the scenario table, and of keys that go by themselves.

#include "sim/linearizability.hpp"
#include "sim/revision_order.hpp"
#include "sim/workload.hpp"
#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Sessions : public SceneTest {
protected:
    // A set of `key`, number `seq` of the session.
    static ReplyFields set(Scene& scene, std::uint32_t node, std::uint64_t session,
                           std::uint64_t seq, const std::string& key, const std::string& value) {
        return scene.client.ask(NodeId(node), Set{value, {}}, key, 2s, Reading::linearizable,
                                {.session = client::SessionUse{session, seq}});
    }
    static void give_ttl(Scene& scene, const std::string& key, std::uint64_t ttl_ms) {
        const std::uint32_t leader = scene.wait_for_leader();
        ASSERT_TRUE(scene.client
                        .ask(NodeId(leader), Set{"v", {}}, key, 2s, Reading::linearizable,
                             {.ttl_ms = ttl_ms})
                        .ok);
    }
};
INSTANTIATE_TEST_SUITE_P(Seeds, Sessions, ::testing::Range<std::uint64_t>(1, 6));

TEST_P(Sessions, C1_TheReplyIsLostAndTheClientAsksAnotherNode) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint64_t session = scene.client.open_session();
    const std::uint32_t asked = scene.others(leader).front();
    // It is executed, and its client never hears of it.
    scene.client.send(NodeId(asked), Set{"1", {}}, "k", 2s, Reading::linearizable,
                      {.session = client::SessionUse{session, 1}});
    scene.cluster.run_until([&] { return scene.client.get("k").has_value(); }, 2s);
    scene.cluster.kill(asked);
    scene.client.set("k", "somebody else's");
    const ReplyFields again = set(scene, leader, session, 1, "k", "1");
    EXPECT_TRUE(again.ok) << again.error;
    EXPECT_EQ(scene.client.get("k"), "somebody else's");
    const ReplyFields once_more = set(scene, leader, session, 1, "k", "1");
    EXPECT_EQ(once_more.revision, again.revision);
}

TEST_P(Sessions, C1_TheLeaderDiesWithTheWriteInFlight) {
    for (Duration later = 0us; later < 3ms; later += 500us) {
        Scene scene(3, seed());
        const std::uint32_t leader = scene.wait_for_leader();
        const std::uint64_t session = scene.client.open_session();
        const Manner manner{.session = client::SessionUse{session, 1}};
        scene.client.send(NodeId(leader), Set{"1", {}}, "k", 2s, Reading::linearizable, manner);
        scene.cluster.run(later);
        scene.cluster.kill(leader);
        const std::uint32_t next = scene.wait_for_leader_other_than(leader);
        const ReplyFields first = set(scene, next, session, 1, "k", "1");
        ASSERT_TRUE(first.ok) << first.error;
        scene.client.set("k", "2");
        for (const std::uint32_t node : scene.others(leader))
            EXPECT_EQ(set(scene, node, session, 1, "k", "1").revision, first.revision);
        EXPECT_EQ(scene.client.get("k"), "2");
    }
}

TEST_P(Sessions, C1_EveryNodeIsStartedAgainFromWhatItsStateHasFlushed) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.state.replay_bytes = 1'000;
    Scene scene(options);
    scene.wait_for_leader();
    const std::uint64_t session = scene.client.open_session();
    const std::uint64_t first = set(scene, scene.wait_for_leader(), session, 1, "k", "1").revision;
    for (int i = 0; i < 50; ++i) scene.client.set("k", "other " + std::to_string(i));
    scene.wait_until_equal();
    const auto all_flushed = [&] {
        for (std::uint32_t n = 1; n <= 3; ++n)
            if (scene.cluster.node(n).kv().flushed().index.value <= first) return false;
        return true;
    };
    ASSERT_TRUE(scene.cluster.run_until(all_flushed, 5s));
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.kill(n);
    scene.cluster.start();
    const std::uint32_t leader = scene.wait_for_leader();
    EXPECT_EQ(set(scene, leader, session, 1, "k", "1").revision, first);
    EXPECT_EQ(scene.client.get("k"), "other 49");
}

TEST_P(Sessions, C2_ARetryAfterTheSessionExpiredIsRefused) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.gateway.session_life_ms = 1'000;
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint64_t session = scene.client.open_session();
    ASSERT_TRUE(set(scene, leader, session, 1, "k", "1").ok);
    scene.seconds_pass(2);
    for (const std::uint32_t node : {1, 2, 3}) {
        const ReplyFields again = set(scene, node, session, 1, "k", "2");
        EXPECT_EQ(again.error, "SESSION_EXPIRED");
    }
    EXPECT_EQ(scene.client.get("k"), "1");
}

TEST_P(Sessions, C2_WallClocksExpireNothing) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.gateway.session_life_ms = 60'000;
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint64_t session = scene.client.open_session();
    const std::uint64_t first = set(scene, leader, session, 1, "k", "1").revision;
    give_ttl(scene, "timed", 60'000);
    scene.cluster.node(leader).clock().jump(std::chrono::hours(1));
    scene.client.set("other", "v");
    scene.cluster.kill(leader);
    const std::uint32_t next = scene.wait_for_leader_other_than(leader);
    scene.cluster.node(next).clock().jump(-std::chrono::hours(2));
    scene.client.set("other", "v");
    EXPECT_EQ(set(scene, next, session, 1, "k", "2").revision, first);
    EXPECT_TRUE(scene.client.get("timed").has_value());
}

TEST_P(Sessions, C3_GapsAndOldNumbers) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint64_t session = scene.client.open_session();
    const std::uint64_t ninth = set(scene, leader, session, 9, "a", "1").revision;
    EXPECT_TRUE(set(scene, leader, session, 2, "b", "1").ok) << "it comes late, that is all";
    EXPECT_EQ(set(scene, leader, session, 9, "somewhere else", "1").revision, ninth)
        << "two clients with one session: the number counts";
    EXPECT_TRUE(set(scene, leader, session, 2'000, "c", "1").ok);
    const ReplyFields old = set(scene, leader, session, 9, "a", "2");
    EXPECT_EQ(old.error, "BAD_REQUEST");
    EXPECT_EQ(scene.client.get("a"), "1");
}

// ---- keys with a time

TEST_P(Sessions, AKeyGoesByItselfAndNotLate) {
    Scene scene(3, seed());
    scene.wait_for_leader();
    give_ttl(scene, "k", 700);
    const Moment begin = scene.cluster.now();
    scene.wait_until_equal();
    scene.cluster.run(690ms - (scene.cluster.now() - begin));
    for (std::uint32_t n = 1; n <= 3; ++n)
        EXPECT_TRUE(scene.cluster.node(n).kv().get("k")) << "node " << n;
    scene.cluster.run(10ms + 1s);
    for (std::uint32_t n = 1; n <= 3; ++n)
        EXPECT_FALSE(scene.cluster.node(n).kv().get("k")) << "node " << n;
    const LogIndex last = scene.cluster.node(1).replicator().log().last().index;
    scene.seconds_pass(5);
    EXPECT_EQ(scene.cluster.node(1).replicator().log().last().index, last) << "nothing is due";
}

TEST_P(Sessions, TimeStandsStillWhileNobodyLeads) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    give_ttl(scene, "k", 1'500);
    scene.wait_until_equal();
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.kill(n);
    scene.seconds_pass(60);
    scene.cluster.start();
    scene.wait_for_leader();
    EXPECT_TRUE(scene.client.get("k").has_value()) << "led by " << leader << " before";
    EXPECT_TRUE(scene.cluster.run_until([&] { return !scene.cluster.node(1).kv().get("k"); }, 3s));
}

TEST_P(Sessions, ExpiriesAreFlushedWithTheKeys) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.state.replay_bytes = 1'000;
    Scene scene(options);
    scene.wait_for_leader();
    give_ttl(scene, "k", 20'000);
    for (int i = 0; i < 50; ++i) scene.client.set("other", std::to_string(i));
    scene.wait_until_equal();
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.kill(n);
    scene.cluster.start();
    scene.wait_for_leader();
    scene.seconds_pass(15);
    EXPECT_TRUE(scene.client.get("k").has_value());
    scene.seconds_pass(7);
    EXPECT_FALSE(scene.client.get("k").has_value());
}

// ---- and all of it together

TEST_P(Sessions, C1_ManyClientsRepeatTheirWritesWhileLeadersComeAndGo) {
    ClusterOptions options = Scene::options(5, seed());
    options.node.state.replay_bytes = 4'000;
    Scene scene(options);
    scene.wait_for_leader();
    Workload workload(scene.cluster, {.clients = 4,
                                      .seed = seed(),
                                      .think_max{200ms},
                                      .lost = 50'000,
                                      .with_sessions = 4,
                                      .transactions = true,
                                      .times = true});
    workload.start();
    for (int round = 0; round < 12; ++round) {
        scene.seconds_pass(1);
        const auto leader = scene.cluster.leader();
        if (!leader) continue;
        const std::uint32_t gone = leader->value;
        if (round % 3 == 0) scene.isolate({gone});
        if (round % 3 == 1) scene.cluster.kill(gone);
        if (round % 3 == 2) scene.cluster.stop(gone);
        scene.seconds_pass(1);
        scene.cluster.heal();
        scene.cluster.start();
    }
    workload.stop();
    scene.cluster.heal();
    EXPECT_TRUE(scene.cluster.run_until([&] { return workload.idle(); }, 20s));
    EXPECT_GT(workload.answered(), 100u);
    EXPECT_GT(workload.repeated(), 5u);
    EXPECT_GT(workload.timed_keys().seen_gone(), 0u);
    const History history = workload.history();
    EXPECT_EQ(check_revisions(history), std::nullopt);
    const Verdict verdict = check_linearizability(history);
    EXPECT_TRUE(std::holds_alternative<Linearizable>(verdict)) << to_text(verdict);
}

}  // namespace
}  // namespace raftbus::sim
