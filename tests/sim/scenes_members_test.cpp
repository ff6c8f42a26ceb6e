// Scenes of the membership: M1 to M6 of the scenario table. That one majority decides at all times,
// the cluster's rules check after every step.

#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Members : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Members, ::testing::Range<std::uint64_t>(1, 6));

ClusterOptions with_spares(std::size_t nodes, std::size_t spares, std::uint64_t seed) {
    ClusterOptions options = Scene::options(nodes, seed);
    options.spares = spares;
    return options;
}

TEST_P(Members, M1_NodesJoinAndLeaveWhileClientsWrite) {
    Scene scene(with_spares(3, 2, seed()));
    scene.wait_for_leader();
    int writes = 0;
    const auto write = [&] { scene.client.set("k", "v" + std::to_string(++writes)); };
    write();
    scene.add(4);
    EXPECT_EQ(scene.members(), "[n1, n2, n3, n4]");
    write();
    scene.remove(2);
    write();
    scene.add(5);
    write();
    scene.remove(1);
    EXPECT_EQ(scene.members(), "[n3, n4, n5]");
    write();
    scene.wait_until_equal();
    EXPECT_EQ(scene.client.get("k"), "v" + std::to_string(writes));
}

TEST_P(Members, M1_AChangeThatIsCutOffWithItsLeaderIsGone) {
    Scene scene(with_spares(3, 1, seed()));
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "v");
    scene.isolate({old});
    const auto lost = scene.client.send(NodeId(old), AskToAdd{NodeId(4)}, {}, 200ms);
    scene.cluster.run(20ms);
    const auto believes = [&] {
        return scene.cluster.node(old).replicator().log().configurations().in_force();
    };
    EXPECT_NE(believes().configuration.find(NodeId(4)), nullptr) << "in force as soon as it stands";
    scene.wait_for_leader_other_than(old);
    EXPECT_EQ(scene.client.wait(lost, 1s)->error, "TIMEOUT") << "it may still happen";
    scene.client.set("k", "w");
    scene.cluster.heal();
    scene.wait_until_equal();
    EXPECT_EQ(believes().configuration.find(NodeId(4)), nullptr);
    EXPECT_EQ(scene.members(), "[n1, n2, n3]");
}

TEST_P(Members, M1_ANewLeaderCompletesAJointConfiguration) {
    Scene scene(with_spares(5, 0, seed()));
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "v");
    const std::uint32_t leaves = scene.others(old).front();
    scene.client.send(NodeId(old), AskToRemove{NodeId(leaves)});
    const auto joint = [&](std::uint32_t n) {
        const auto& log = scene.cluster.node(n).replicator().log();
        return log.configurations().in_force().configuration.joint();
    };
    const auto others_have_it = [&] { return std::ranges::all_of(scene.others(old), joint); };
    ASSERT_TRUE(scene.cluster.run_until(others_have_it, 1s));
    scene.cluster.crash(old);
    scene.wait_for_leader_other_than(old);
    const auto done = [&] {
        const auto members = scene.cluster.configuration();
        return members && !members->joint() && members->was_removed(NodeId(leaves));
    };
    EXPECT_TRUE(scene.cluster.run_until(done, kRecovery));
    scene.client.set("k", "w");
}

// Its promises are gone with its disk: it counts for nothing until it has made them good.
TEST_P(Members, M5_ANodeThatLostItsDiskComesBackAsALearner) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    for (int i = 0; i < 20; ++i) scene.client.set("k" + std::to_string(i), "v");
    const std::uint32_t lost = scene.others(leader).front();
    const std::uint32_t third = scene.others({leader, lost}).front();
    scene.cluster.crash(lost);
    scene.repair(lost);
    scene.wait_for_members("[n1, n2, n3]", 5s);
    scene.wait_until_equal(5s);
    EXPECT_EQ(scene.client.scan().size(), 21u);
    // It counts again: with it alone beside the other, there is a majority.
    scene.cluster.crash(third);
    scene.client.set("k", "w");
    EXPECT_EQ(scene.client.get("k19"), "v");
}

TEST_P(Members, M5_ARebuiltNodeIsDemotedEvenAtOnceAfterItsCrash) {
    Scene scene(5, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.set("k", "v");
    scene.wait_until_equal();
    const std::uint32_t lost = scene.others(leader).back();
    scene.cluster.kill(lost);
    scene.client.send(NodeId(leader), AskToDemote{NodeId(lost)});
    scene.seconds_pass(2);
    const auto members = scene.cluster.configuration();
    ASSERT_TRUE(members);
    EXPECT_FALSE(members->voter(NodeId(lost))) << "what it had acknowledged promotes nobody";
    scene.repair(lost);
    scene.wait_for_members("[n1, n2, n3, n4, n5]", 5s);
    scene.wait_until_equal(5s);
}

// The state comes as a snapshot then, since the log does not reach back so far.
TEST_P(Members, M5_ANodeIsRebuiltFromASnapshot) {
    ClusterOptions options = Scene::options(3, seed());
    options.node.keep_bytes = 0;
    options.node.segment_bytes = 4 << 10;
    Scene scene(options);
    const std::uint32_t leader = scene.wait_for_leader();
    const std::uint32_t lost = scene.others(leader).front();
    for (int i = 0; i < 60; ++i)
        scene.client.set("k" + std::to_string(i % 7), std::string(1000, 'v'));
    scene.cluster.crash(lost);
    scene.repair(lost);
    scene.wait_for_members("[n1, n2, n3]", 10s);
    scene.wait_until_equal(10s);
    scene.client.set("k", "w");
}

TEST_P(Members, ALeaderThatIsDemotedHandsOverAndIsPromotedAgain) {
    Scene scene(3, seed());
    const std::uint32_t old = scene.wait_for_leader();
    scene.client.set("k", "v");
    const auto demoted = scene.client.ask(NodeId(old), AskToDemote{NodeId(old)});
    EXPECT_TRUE(demoted.ok) << demoted.message;
    scene.wait_for_leader_other_than(old, 5s);
    scene.wait_for_members("[n1, n2, n3]", 5s);
    scene.client.set("k", "w");
    scene.wait_until_equal();
}

// Late copies of what a node said before it forgot are the danger: acknowledgements and votes.
TEST_P(Members, M5_NodesAreRebuiltOneAfterTheOtherInBadWeather) {
    for (std::uint64_t more = 0; more < 2; ++more) {
        ClusterOptions options = Scene::options(3 + 2 * more, seed() * 100 + more);
        options.weather.slow = 20'000;
        options.weather.lost = 10'000;
        options.weather.doubled = 50'000;
        options.weather.overtaken = 50'000;
        Scene scene(options);
        scene.wait_for_leader(5s);
        int writes = 0;
        const auto write = [&] { scene.client.set("k", "v" + std::to_string(++writes), 20s); };
        for (std::uint32_t round = 0; round < 6; ++round) {
            const std::uint32_t lost = (round * 2 + seed()) % scene.cluster.size() + 1;
            for (int i = 0; i < 10; ++i) write();
            scene.cluster.crash(lost, Crash::keep_nothing);
            scene.repair(lost);
            write();
            const auto votes = [&] {
                const auto members = scene.cluster.configuration();
                return members && !members->joint() && members->voter(NodeId(lost));
            };
            ASSERT_TRUE(scene.cluster.run_until(votes, 20s)) << scene.members();
        }
        EXPECT_EQ(scene.client.get("k", 20s), "v" + std::to_string(writes));
    }
}

// Ongaro's interleavings, which broke single-server changes: an old leader has one change in its
// log alone, a new one makes another.
TEST_P(Members, M2_TwoLeadersWithAChangeEach) {
    struct Pair {
        Ask first, second;
    };
    const Pair pairs[] = {{AskToAdd{NodeId(5)}, AskToRemove{NodeId(4)}},
                          {AskToAdd{NodeId(5)}, AskToAdd{NodeId(6)}},
                          {AskToRemove{NodeId(3)}, AskToRemove{NodeId(4)}}};
    for (const auto& [first, second] : pairs) {
        Scene scene(with_spares(4, 2, seed()));
        const std::uint32_t old = scene.wait_for_leader();
        scene.client.set("k", "v");
        scene.isolate({old});
        scene.client.send(NodeId(old), first, {}, 5s);
        scene.wait_for_leader_other_than(old);
        scene.client.change(second);
        scene.client.set("k", "w");
        scene.cluster.heal();
        scene.wait_for_leader();
        scene.wait_until_equal();
        EXPECT_EQ(scene.client.get("k"), "w");
    }
}

TEST_P(Members, M3_TheLeaderIsRemoved) {
    for (const std::size_t nodes : {3, 2}) {
        Scene scene(nodes, seed());
        const std::uint32_t old = scene.wait_for_leader();
        scene.client.set("k", "v");
        const auto removed = scene.client.ask(NodeId(old), AskToRemove{NodeId(old)});
        EXPECT_TRUE(removed.ok) << removed.message;
        scene.wait_for_leader_other_than(old);
        scene.wait_until_deposed(old);
        scene.client.set("k", "w");
        scene.wait_until_equal();
        const Term term = scene.term();
        scene.seconds_pass(10);
        EXPECT_EQ(scene.term(), term);
    }
}

// Diss. §4.2.2: its log is longer than that of whoever is left, so it alone can be elected.
TEST_P(Members, M3_ALeaderThatFailsBeforeItsRemovalIsCommittedCompletesIt) {
    Scene scene(2, seed());
    const std::uint32_t old = scene.wait_for_leader();
    const std::uint32_t other = scene.others(old).front();
    scene.client.set("k", "v");
    scene.client.send(NodeId(old), AskToRemove{NodeId(old)});
    const auto& log = scene.cluster.node(old).replicator().log();
    const auto final_stands = [&] {
        return log.configurations().in_force().configuration.find(NodeId(old)) == nullptr;
    };
    ASSERT_TRUE(scene.cluster.run_until(final_stands, 1s));
    scene.cluster.cut(old, other);
    scene.wait_until_deposed(old);
    scene.cluster.heal();
    scene.wait_for_members("[n" + std::to_string(other) + "]", 5s);
    scene.wait_for_leader_other_than(old, 5s);
    scene.client.set("k", "w");
}

// Seed 978 found it: a node that joined later was told at its start who was a member then, and
// itself had been a learner. That it is needed, its log alone says.
TEST_P(Members, M3_AlsoIfThatLeaderJoinedLaterAndStartsAgain) {
    Scene scene(with_spares(1, 1, seed()));
    scene.wait_for_leader();
    scene.add(2);
    while (scene.wait_for_leader() != 2) scene.client.ask(NodeId(2), AskElection{NodeId(2)});
    scene.client.set("k", "v");
    scene.client.send(NodeId(2), AskToRemove{NodeId(2)});
    const auto final_stands = [&] {
        const auto& log = scene.cluster.node(2).replicator().log();
        return log.configurations().in_force().configuration.find(NodeId(2)) == nullptr;
    };
    ASSERT_TRUE(scene.cluster.run_until(final_stands, 1s));
    scene.cluster.cut(1, 2);
    scene.cluster.run(50ms);  // on the own disk it stands for good
    scene.cluster.kill(2);
    scene.cluster.start(2);
    scene.cluster.heal();
    scene.wait_for_members("[n1]", 5s);
    scene.wait_for_leader_other_than(2, 5s);
    scene.client.set("k", "w");
}

TEST_P(Members, M3_TheLastVoterStays) {
    Scene scene(1, seed());
    scene.wait_for_leader();
    scene.client.set("k", "v");
    const auto refused = scene.client.ask(NodeId(1), AskToRemove{NodeId(1)});
    EXPECT_EQ(refused.error, "BAD_REQUEST");
    scene.client.set("k", "w");
}

TEST_P(Members, M3_AClusterOfOneGrowsAndItsFirstNodeGoes) {
    Scene scene(with_spares(1, 2, seed()));
    scene.wait_for_leader();
    scene.client.set("k", "v");
    scene.add(2);
    scene.add(3);
    scene.remove(1);
    scene.wait_for_leader_other_than(1);
    EXPECT_EQ(scene.client.get("k"), "v");
    EXPECT_EQ(scene.members(), "[n2, n3]");
}

TEST_P(Members, AChangeThatWouldStopTheClusterIsRefused) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.set("k", "v");
    const Scene::Nodes others = scene.others(leader);
    scene.cluster.crash(others[0]);
    scene.seconds_pass(1);
    const auto refused = scene.client.ask(NodeId(leader), AskToRemove{NodeId(others[1])});
    EXPECT_EQ(refused.error, "UNSUPPORTED") << refused.message;
    EXPECT_NE(refused.message.find("n" + std::to_string(others[0]) + " is silent"),
              std::string::npos)
        << refused.message;
    scene.remove(others[0]);
    scene.client.set("k", "w");
}

// M4: it was away when it was removed, has all its data, and does not know.
TEST_P(Members, M4_ARemovedNodeDisturbsNobodyAndLearnsIt) {
    Scene scene(4, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.set("k", "v");
    const std::uint32_t gone = scene.others(leader).front();
    scene.cluster.crash(gone);
    scene.remove(gone);
    scene.seconds_pass(20);  // the leader has given up telling it
    const Term term = scene.term();
    scene.cluster.start(gone);
    scene.seconds_pass(20);
    EXPECT_EQ(scene.term(), term);
    EXPECT_EQ(scene.wait_for_leader(), leader);
    EXPECT_EQ(scene.term_of(gone), term);
    const auto status = scene.client.ask(NodeId(gone), AskStatus{});
    EXPECT_TRUE(status.ok);
    EXPECT_FALSE(status.member);
    EXPECT_TRUE(scene.client.ask(NodeId(leader), AskStatus{}).member);
    scene.client.set("k", "w");
}

TEST_P(Members, M4_ANodeThatIsThereHearsOfItsRemovalFromTheLeader) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.set("k", "v");
    const std::uint32_t gone = scene.others(leader).front();
    scene.remove(gone);
    scene.cluster.run(200ms);
    const auto& log = scene.cluster.node(gone).replicator().log();
    EXPECT_TRUE(log.committed_configuration().configuration.was_removed(NodeId(gone)));
    EXPECT_FALSE(scene.client.ask(NodeId(gone), AskStatus{}).member);
    scene.seconds_pass(2);
    EXPECT_EQ(scene.cluster.node(gone).election().leader(), NodeId()) << "its clients are told";
}

// M5
TEST_P(Members, M5_ARemovedIdDoesNotComeBack) {
    Scene scene(4, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.set("k", "v");
    const std::uint32_t gone = scene.others(leader).front();
    scene.remove(gone);
    const auto refused = scene.client.ask(NodeId(leader), AskToAdd{NodeId(gone)});
    EXPECT_EQ(refused.error, "BAD_REQUEST");
    EXPECT_NE(refused.message.find("never used again"), std::string::npos) << refused.message;
}

// M6 (etcd abb533c): its vote is needed, and it takes itself for a learner.
TEST_P(Members, M6_APromotedLearnerThatDoesNotKnowItVotes) {
    Scene scene(with_spares(3, 1, seed()));
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.set("k", "v");
    scene.client.change(AskToAdd{NodeId(4), true});
    scene.cluster.join(4);
    scene.wait_until_equal();
    scene.cluster.run(100ms);
    for (std::uint32_t n = 1; n <= 3; ++n) scene.cluster.cut_one_way(n, 4);
    const auto promoted = scene.client.ask(NodeId(leader), AskToPromote{NodeId(4)}, {}, 300ms);
    ASSERT_TRUE(promoted.ok) << promoted.message;
    const auto& log = scene.cluster.node(4).replicator().log();
    ASSERT_FALSE(log.configurations().in_force().configuration.voter(NodeId(4)));
    scene.cluster.crash(leader);
    scene.cluster.heal();
    scene.wait_for_leader_other_than(leader, 5s);  // three of four
    scene.client.set("k", "w");
}

// Who lags behind has to vote for, and follow, nodes that it has never heard of.
TEST_P(Members, ANodeThatSleptWhileTheOthersWereReplacedTakesPartAgain) {
    Scene scene(with_spares(3, 2, seed()));
    scene.wait_for_leader();
    scene.client.set("k", "v");
    scene.cluster.crash(3);
    scene.add(4);
    scene.add(5);
    scene.remove(1);
    scene.remove(2);
    EXPECT_EQ(scene.members(), "[n3, n4, n5]");
    scene.cluster.run(500ms);
    scene.cluster.crash(1);
    scene.cluster.crash(2);
    scene.cluster.crash(scene.wait_for_leader());
    scene.cluster.start(3);
    scene.wait_for_leader(5s);
    scene.client.set("k", "w");
    EXPECT_EQ(scene.client.get("k"), "w");
}

TEST_P(Members, ALearnerNeitherLeadsNorCounts) {
    Scene scene(with_spares(3, 1, seed()));
    const std::uint32_t leader = scene.wait_for_leader();
    scene.client.change(AskToAdd{NodeId(4), true});
    scene.cluster.join(4);
    scene.client.set("k", "v");
    scene.wait_until_equal();
    for (const std::uint32_t other : scene.others({leader, 4})) scene.cluster.crash(other);
    const auto write = scene.client.ask(NodeId(leader), Set{"w", {}}, "k", 1s);
    EXPECT_FALSE(write.ok) << "the leader and a learner are no majority";
    scene.cluster.crash(leader);
    scene.seconds_pass(5);
    EXPECT_FALSE(scene.cluster.leader());
}

}  // namespace
}  // namespace raftbus::sim
