// S1 to S6: a follower is so far behind that the leader's log has forgotten what it needs next.
#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Snapshots : public ::testing::TestWithParam<std::uint64_t> {
protected:
    std::uint64_t seed() const { return GetParam(); }

    // Nodes that keep next to nothing of their logs, and send snapshots in many small pieces.
    ClusterOptions forgetful(std::size_t nodes = 3) const {
        ClusterOptions options = Scene::options(nodes, seed());
        options.node.segment_bytes = 1 << 10;
        options.node.keep_bytes = 2 << 10;
        options.node.keep_entries = 20;
        options.node.state.replay_entries = 30;
        options.node.raft.tail_bytes_max = 0;
        options.node.raft.snapshot_piece_bytes = 300;
        return options;
    }
};

INSTANTIATE_TEST_SUITE_P(Seeds, Snapshots, ::testing::Range<std::uint64_t>(1, 6));

// Counts what goes by.
struct Traffic {
    int pieces = 0;
    int installed = 0;

    explicit Traffic(Cluster& cluster) : cluster(cluster) {
        cluster.on_delivery = [this](const Delivery& delivery) {
            pieces += std::holds_alternative<InstallSnapshot>(delivery.message);
            if (const auto* done = std::get_if<StateInstalled>(&delivery.message))
                installed += done->installed;
        };
    }
    ~Traffic() { cluster.on_delivery = nullptr; }

    Cluster& cluster;
};

void write(Scene& scene, int count) {
    for (int i = 0; i < count; ++i)
        scene.client.set("key " + std::to_string(i % 50), std::string(40, 'v') + std::to_string(i));
}

TEST_P(Snapshots, S1_AFollowerBehindTheCutLogGetsTheStateWhileWritesGoOn) {
    Scene scene(forgetful());
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t lost = scene.others(leader).front();
    scene.cluster.kill(lost);
    write(scene, 200);
    ASSERT_GT(scene.cluster.node(leader).log().first(), LogIndex(50)) << "the log was cut";
    Traffic traffic(scene.cluster);
    scene.cluster.start(lost);
    write(scene, 100);
    scene.wait_until_equal();
    EXPECT_GE(traffic.installed, 1);
    EXPECT_GT(traffic.pieces, 5);
    EXPECT_EQ(scene.wait_for_leader(), leader) << "nobody was disturbed";
    scene.cluster.kill(lost);
    scene.cluster.start(lost);
    scene.wait_until_equal();
}

TEST_P(Snapshots, AFollowerThatIsALittleBehindIsFedFromTheLog) {
    ClusterOptions options = forgetful();
    options.node.keep_bytes = 1 << 20;
    options.node.keep_entries = 1'000;
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t lost = scene.others(leader).front();
    scene.cluster.kill(lost);
    write(scene, 200);
    Traffic traffic(scene.cluster);
    scene.cluster.start(lost);
    scene.wait_until_equal();
    EXPECT_EQ(traffic.pieces, 0);
}

// Power is lost at any moment from the first piece to the installed state.
TEST_P(Snapshots, S2_ACrashAtAnyStepLeavesTheOldStateOrTheNew) {
    int installed = 0;
    for (Duration late = 0us; installed == 0; late += late / 4 + 700us) {
        ASSERT_LT(late, 5s);
        Scene scene(forgetful());
        const std::uint32_t leader = scene.wait_for_leader();
        const std::uint32_t lost = scene.others(leader).front();
        scene.cluster.kill(lost);
        write(scene, 120);
        Traffic traffic(scene.cluster);
        scene.cluster.start(lost);
        ASSERT_TRUE(scene.cluster.run_until([&] { return traffic.pieces > 0; }, 10s));
        scene.cluster.run(late);
        installed += traffic.installed;
        scene.cluster.crash(lost, late % 200us == 0us ? Crash::keep_nothing : Crash::keep_sectors);
        scene.cluster.start(lost);
        ASSERT_NE(scene.cluster.node(lost).state(), SimNode::State::refused)
            << scene.cluster.node(lost).refusal();
        write(scene, 5);
        scene.wait_until_equal();
    }
}

TEST_P(Snapshots, S3_S4_PiecesLostRepeatedLateAndOfTwoLeaders) {
    ClusterOptions options = forgetful();
    options.weather.lost = options.weather.doubled = options.weather.overtaken = 100'000;
    options.weather.slow = 100'000;
    options.weather.slow_max = 300ms;
    Scene scene(options);
    const auto patiently_wait_for_leader = [&] {
        EXPECT_TRUE(
            scene.cluster.run_until([&] { return scene.cluster.leader().has_value(); }, 30s));
        return scene.cluster.leader().value_or(NodeId(1)).value;
    };
    for (int round = 0; round < 4; ++round) {
        const std::uint32_t leader = patiently_wait_for_leader();
        const std::uint32_t lost = scene.others(leader).front();
        scene.cluster.kill(lost);
        write(scene, 80);
        Traffic traffic(scene.cluster);
        scene.cluster.start(lost);
        scene.cluster.run_until([&] { return traffic.pieces > 3; }, 5s);
        scene.cluster.kill(leader);  // the next leader begins anew
        patiently_wait_for_leader();
        scene.cluster.start(leader);
        write(scene, 20);
    }
    scene.cluster.network().set_weather({});
    scene.cluster.run(500ms);
    scene.wait_until_equal();
}

TEST_P(Snapshots, AConnectionThatBreaksCostsNothingThatWasSent) {
    ClusterOptions options = forgetful();
    options.node.raft.snapshot_bytes_per_second = 20'000;
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t lost = scene.others(leader).front();
    scene.cluster.kill(lost);
    write(scene, 200);
    std::uint64_t sent = 0, size = 0;
    scene.cluster.on_delivery = [&](const Delivery& delivery) {
        if (const auto* piece = std::get_if<InstallSnapshot>(&delivery.message)) {
            sent += piece->bytes.size();
            size = piece->snapshot.size;
        }
    };
    scene.cluster.start(lost);
    ASSERT_TRUE(scene.cluster.run_until([&] { return size > 0 && sent > size / 2; }, 10s));
    scene.cluster.cut(leader, lost);
    scene.cluster.run(400ms);
    scene.cluster.heal(leader, lost);
    scene.wait_until_equal();
    EXPECT_LT(sent, size + size / 3) << "it went on where it had stopped";
}

// Bugs 11 and 12: the configuration stands in the part of the log that is gone, and comes with the
// state; what the old log said of the members goes with it.
TEST_P(Snapshots, S6_TheConfigurationComesWithTheState) {
    ClusterOptions options = forgetful();
    options.spares = 1;
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t lost = scene.others(leader).front();
    scene.cluster.kill(lost);
    write(scene, 40);
    scene.client.change(AskToAdd{NodeId(4), true});
    write(scene, 200);
    {
        Traffic traffic(scene.cluster);
        scene.cluster.join(4);
        scene.cluster.start(lost);
        write(scene, 20);
        scene.wait_until_equal();
        EXPECT_GE(traffic.installed, 2);
    }
    for (const std::uint32_t node : {lost, 4U}) {
        const auto believes = [&] {
            const auto& log = scene.cluster.node(node).replicator().log();
            return to_text(log.configurations().in_force().configuration);
        };
        EXPECT_EQ(believes(), "[n1, n2, n3] learners=[n4]");
        scene.cluster.kill(node);
        scene.cluster.start(node);
        scene.wait_until_equal();
        EXPECT_EQ(believes(), "[n1, n2, n3] learners=[n4]") << "also after a start";
    }
}

// Of where the two logs meet the leader knows nothing any more: the follower needs the state, and
// no refusal comes again and again.
TEST_P(Snapshots, ALogThatBeginsInsideAFollowersDivergentTail) {
    Scene scene(forgetful());
    const std::uint32_t old = scene.wait_for_leader();
    write(scene, 10);
    scene.isolate({old});
    for (int i = 0; i < 150; ++i) {
        scene.client.send(NodeId(old), Set{"nobody hears it", {}}, "k");
        scene.cluster.run(1ms);
    }
    const LogIndex end = scene.cluster.node(old).replicator().log().last().index;
    ASSERT_GT(end, LogIndex(100));
    scene.cluster.kill(old);
    scene.cluster.heal();
    const std::uint32_t leader = scene.wait_for_leader_other_than(old);
    while (scene.cluster.node(leader).replicator().log().last().index.value + 20 < end.value)
        write(scene, 5);
    ASSERT_GT(scene.cluster.node(leader).log().first(), LogIndex(20)) << "the log was cut";
    int refusals = 0;
    scene.cluster.on_delivery = [&](const Delivery& delivery) {
        if (const auto* reply = std::get_if<AppendEntriesReply>(&delivery.message))
            refusals += std::holds_alternative<Conflict>(reply->outcome);
    };
    scene.cluster.start(old);
    scene.wait_until_equal(10s);
    scene.cluster.on_delivery = nullptr;
    EXPECT_LE(refusals, 10);
}

// A day of overwrites, as far as files and memory go.
TEST_P(Snapshots, S5_TheLogStaysBounded) {
    Scene scene(forgetful());
    const std::uint32_t leader = scene.wait_for_leader();
    std::size_t files_max = 0;
    for (int round = 0; round < 20; ++round) {
        write(scene, 50);
        files_max = std::max(files_max, scene.cluster.node(leader).disk().list().size());
    }
    EXPECT_LT(files_max, 15U);
    EXPECT_GT(scene.cluster.node(leader).log().first(), LogIndex(900));
    scene.wait_until_equal();
}

}  // namespace
}  // namespace raftbus::sim
