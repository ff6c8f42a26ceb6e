// Scenes of reads: L1 to L4 of the scenario table. (L2 message by message:
// tests/scenarios/read_needs_the_no_op.txt.)

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Reads : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Reads, ::testing::Range<std::uint64_t>(1, 6));

// An answer, if it is one, is not older than this.
void expect_refused_or(const std::string& value, const std::optional<ReplyFields>& reply) {
    if (reply && reply->ok) EXPECT_EQ(reply->value, value);
}

TEST_P(Reads, L1_ALeaderThatWasCutOffAnswersNothingStale) {
    Scene scene(3, seed());
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "old");
    scene.isolate({old});
    std::vector<std::uint64_t> reads;
    for (int i = 0; i < 50; ++i) {
        reads.push_back(scene.client.send(NodeId(old), Get{}, "k", 5s));
        scene.cluster.run(10ms);
    }
    EXPECT_FALSE(scene.client.answer(reads.back()));
    scene.wait_for_leader_other_than(old);
    scene.client.set("k", "new");
    reads.push_back(scene.client.send(NodeId(old), Get{}, "k", 500ms));
    scene.seconds_pass(1);
    EXPECT_FALSE(scene.client.answer(reads.back())->ok);
    scene.cluster.heal();
    scene.seconds_pass(6);
    for (const auto read : reads) {
        ASSERT_TRUE(scene.client.answer(read));
        expect_refused_or("new", scene.client.answer(read));
    }
}

TEST_P(Reads, L1_ALeaderThatWasPausedAnswersNothingStale) {
    Scene scene(3, seed());
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "old");
    scene.cluster.pause(old);
    scene.wait_for_leader_other_than(old);
    scene.client.set("k", "new");
    const auto read = scene.client.send(NodeId(old), Get{}, "k", 2s);
    scene.cluster.resume(old);
    expect_refused_or("new", scene.client.wait(read, 3s));
    EXPECT_EQ(scene.client.get("k", kRecovery), "new");
}

TEST_P(Reads, L2_AReadRightAfterAnElectionSeesWhatWasWrittenBefore) {
    Scene scene(3, seed());
    std::uint32_t leader = scene.wait_for_leader();
    for (int i = 0; i < 10; ++i) {
        const std::string value = std::to_string(i);
        ASSERT_TRUE(scene.client.ask(NodeId(leader), Set{value, {}}, "k").ok);
        const std::uint32_t dead = leader;
        scene.cluster.kill(dead);
        leader = scene.wait_for_leader();
        const auto read = scene.client.ask(NodeId(leader), Get{}, "k");
        EXPECT_TRUE(read.ok) << read.error;
        EXPECT_EQ(read.value, value);
        scene.cluster.start(dead);
        scene.wait_until_equal();
    }
}

TEST_P(Reads, L3_ConfirmationsTwiceLateAndInAnyOrderMakeNoStaleRead) {
    ClusterOptions options = Scene::options(3, seed());
    options.weather.doubled = options.weather.overtaken = 200'000;
    options.weather.slow = 50'000;
    options.weather.slow_max = 250ms;  // longer than a gateway waits before it asks again
    Scene scene(options);
    scene.wait_for_leader();
    for (std::uint32_t i = 0; i < 100; ++i) {
        const std::string value = std::to_string(i);
        ASSERT_TRUE(scene.client.ask(NodeId(i % 3 + 1), Set{value, {}}, "k", 10s).ok);
        const auto read = scene.client.ask(NodeId((i + 1) % 3 + 1), Get{}, "k", 10s);
        ASSERT_TRUE(read.ok) << read.error;
        ASSERT_EQ(read.value, value);
    }
}

// ---- leases

TEST_P(Reads, LearnersAnswerWhatIsNewest) {
    ClusterOptions options = Scene::options(3, seed());
    options.spares = 1;
    Scene scene(options);
    scene.wait_for_leader();
    scene.client.change(AskToAdd{NodeId(4), true});
    scene.cluster.join(4);
    for (int i = 0; i < 50; ++i) {
        scene.client.set("k", std::to_string(i));
        const auto read = scene.client.ask(NodeId(4), Get{}, "k");
        EXPECT_TRUE(read.ok) << read.error;
        EXPECT_EQ(read.value, std::to_string(i));
    }
    scene.isolate({4});
    const auto cut_off = scene.client.ask(NodeId(4), Get{}, "k", 500ms);
    EXPECT_FALSE(cut_off.ok);
    EXPECT_EQ(scene.client.ask(NodeId(4), Get{}, "k", 500ms, Reading::local).value, "49");
}

TEST_P(Reads, AReadDoesNotWaitForTheSyncsOfWrites) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.set("k", "v");
    scene.wait_until_equal();
    for (std::uint32_t n = 1; n <= 3; ++n) scene.sync_takes(n, 1s);
    const auto write = scene.client.send(NodeId(leader), Set{"w", {}}, "k", 10s);
    scene.cluster.run(100ms);
    for (std::uint32_t n = 1; n <= 3; ++n) {
        const auto read = scene.client.send(NodeId(n), Get{}, "k", 2s);
        const auto reply = scene.client.wait(read, 100ms);
        ASSERT_TRUE(reply) << "at node " << n;
        EXPECT_EQ(reply->value, "v");
    }
    EXPECT_FALSE(scene.client.answer(write));
    EXPECT_TRUE(scene.client.wait(write, 10s)->ok);
}

ClusterOptions with_leases(std::uint64_t seed) {
    ClusterOptions options = Scene::options(3, seed);
    options.node.raft.fast_failover = false;
    // Clocks may drift apart by half before it is too long.
    options.node.raft.lease = options.node.raft.election_timeout_min * 6 / 10;
    options.node.gateway.leases = true;
    return options;
}

// Rates and times of day that differ from node to node.
void set_clocks(Scene& scene, std::uint64_t seed) {
    Random random(seed);
    for (std::uint32_t n = 1; n <= 3; ++n) {
        NodeClock& clock = scene.cluster.node(n).clock();
        const auto off = static_cast<std::int64_t>(random.below(400'001)) - 200'000;
        clock.set_rate(scene.cluster.now(), NodeClock::kTrueRate + off);
        clock.jump(Duration(random.below(7'200'000'000)));
    }
}

TEST_P(Reads, L4_LeasesAreOffByDefault) {
    Scene scene(3, seed());
    const NodeId leader(scene.wait_for_leader());
    scene.client.set("k", "v");
    EXPECT_EQ(scene.client.ask(leader, Get{}, "k", 1s, Reading::lease).error, "UNSUPPORTED");
}

TEST_P(Reads, L4_ALeaseSurvivesNeitherItsTimeNorANewLeader) {
    Scene scene(with_leases(seed()));
    set_clocks(scene, seed());
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "old");
    const auto at_once = scene.client.ask(NodeId(old), Get{}, "k", 1s, Reading::lease);
    ASSERT_TRUE(at_once.ok) << at_once.error;
    scene.isolate({old});
    scene.client.send(NodeId(scene.others(old).front()), Set{"new", {}}, "k", 10s);
    // Reads go on at the old leader; from the write on, only the new value counts.
    std::vector<std::pair<std::uint64_t, bool>> reads;
    const auto written = [&] {
        for (const std::uint32_t n : scene.others(old)) {
            const auto found = scene.cluster.node(n).kv().get("k");
            if (found && found->value.view() == "new") return true;
        }
        return false;
    };
    for (int i = 0; i < 400; ++i) {
        const bool is_new = written();
        reads.emplace_back(scene.client.send(NodeId(old), Get{}, "k", 100ms, Reading::lease),
                           is_new);
        scene.cluster.run(5ms);
    }
    scene.seconds_pass(1);
    int answered = 0;
    for (const auto& [read, is_new] : reads) {
        const auto reply = scene.client.answer(read);
        ASSERT_TRUE(reply);
        answered += reply->ok;
        if (is_new) expect_refused_or("new", reply);
    }
    EXPECT_GT(answered, 0) << "while the lease ran";
    EXPECT_LT(answered, 100) << "half a second";
}

TEST_P(Reads, L4_AVoterThatRestartsKeepsThePromiseThatItForgot) {
    Scene scene(with_leases(seed()));
    set_clocks(scene, seed());
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "old");
    scene.cluster.run(200ms);
    scene.isolate({old});
    for (const std::uint32_t voter : scene.others(old)) {
        scene.cluster.kill(voter);
        scene.cluster.start(voter);
    }
    // As long as the leader answers by its lease, nobody else has committed anything.
    const Term term = scene.term_of(old);
    int answered = 0;
    for (int i = 0; i < 500; ++i) {
        if (!scene.client.ask(NodeId(old), Get{}, "k", 2ms, Reading::lease).ok) continue;
        ++answered;
        ASSERT_EQ(scene.cluster.rules().committed().back().in, term);
    }
    EXPECT_GT(answered, 0);
    scene.wait_for_leader_other_than(old, 2 * kRecovery);
    scene.client.set("k", "new");
    const auto stale = scene.client.ask(NodeId(old), Get{}, "k", 100ms, Reading::lease);
    expect_refused_or("new", stale);
}

}  // namespace
}  // namespace raftbus::sim
