// Scenes of what clients are told: G3 and G4 of the scenario table.

#include "sim/linearizability.hpp"
#include "sim/revision_order.hpp"
#include "sim/workload.hpp"
#include "tests/sim/scene.hpp"

namespace raftbus::sim {
namespace {

class Clients : public SceneTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Clients, ::testing::Range<std::uint64_t>(1, 6));

TEST_P(Clients, G3_ALeaderDiesWithRequestsInFlight) {
    for (Duration later = 0us; later < 3ms; later += 600us) {
        Scene scene(3, seed());
        const std::uint32_t leader = scene.wait_for_leader();
        scene.client.set("before", "v");
        const NodeId asked(scene.others(leader).front());
        std::map<std::string, std::uint64_t> writes;
        for (int i = 0; i < 30; ++i) {
            const std::string key = "k" + std::to_string(i);
            writes[key] = scene.client.send(asked, Set{"v", {}}, key, 3s);
            scene.cluster.run(50us);
        }
        scene.cluster.run(later);
        scene.cluster.kill(leader);
        scene.seconds_pass(4);
        for (const auto& [key, write] : writes) {
            const auto reply = scene.client.answer(write);
            ASSERT_TRUE(reply) << key;
            if (reply->error == "TIMEOUT") continue;  // not known
            EXPECT_EQ(scene.client.get(key).has_value(), reply->ok) << key << " " << reply->error;
        }
    }
}

TEST_P(Clients, G4_ANodeThatIsLeftAloneAnswersInTime) {
    Scene scene(3, seed());
    const std::uint32_t leader = scene.wait_for_leader();
    const NodeId left(scene.others(leader).front());
    for (const std::uint32_t dead : scene.others(left.value)) scene.cluster.kill(dead);
    for (const Duration timeout : {100ms, 1'000ms, 5'000ms}) {
        const std::vector<std::uint64_t> asked{
            scene.client.send(left, Set{"v", {}}, "k", timeout),
            scene.client.send(left, Get{}, "k", timeout),
            scene.client.send(left, NoOperation{}, {}, timeout),
            scene.client.send(left, AskHeartbeat{}, {}, timeout),
        };
        scene.cluster.run(timeout + 10ms);
        for (const auto number : asked) {
            const auto reply = scene.client.answer(number);
            ASSERT_TRUE(reply);
            EXPECT_TRUE(reply->error == "NO_LEADER" || reply->error == "TIMEOUT") << reply->error;
        }
    }
    EXPECT_TRUE(scene.client.ask(left, Get{}, "k", 1s, Reading::local).ok);
    for (const std::uint32_t dead : scene.others(left.value)) scene.cluster.start(dead);
    scene.wait_for_leader();
    scene.client.set("k", "v", kRecovery);
}

TEST_P(Clients, G3_ManyClientsSeeOneHistoryWhileLeadersComeAndGo) {
    Scene scene(5, seed());
    scene.wait_for_leader();
    Workload workload(scene.cluster, {.clients = 4, .seed = seed(), .think_max{200ms}});
    workload.start();
    for (int round = 0; round < 9; ++round) {
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
    EXPECT_TRUE(scene.cluster.run_until([&] { return workload.idle(); }, 3s));
    EXPECT_GT(workload.answered(), 200u);
    EXPECT_GE(scene.cluster.rules().terms_led(), 6u);
    const History history = workload.history();
    EXPECT_EQ(check_revisions(history), std::nullopt);
    const Verdict verdict = check_linearizability(history);
    EXPECT_TRUE(std::holds_alternative<Linearizable>(verdict)) << to_text(verdict);
}

}  // namespace
}  // namespace raftbus::sim
