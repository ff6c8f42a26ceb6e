// scene: a cluster in virtual time, and a client that waits for its answers:
// `scene.cluster.crash(1); scene.client.set("k", "v");`
//
// Owns: both, and how long the nodes' disks take. A wait that ends without what it waits for
// throws, which fails the test. Safety needs no word: the cluster checks its rules after every
// step.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/client_frames.hpp"
#include "sim/cluster.hpp"

namespace raftbus::sim {

using namespace std::chrono_literals;

// "Recovers": a leader, and answers, within three election time-outs.
inline constexpr Duration kRecovery = 3 * 600ms;

// One that asks nodes by their number and runs the cluster until it is answered.
class SceneClient final : private ClientEvents {
public:
    explicit SceneClient(Cluster& cluster) : cluster_(cluster) { cluster.listen(this); }
    ~SceneClient() { cluster_.listen(nullptr); }
    SceneClient(const SceneClient&) = delete;
    SceneClient& operator=(const SceneClient&) = delete;

    // Asks and does not wait. Returns the number to ask for the answer by.
    std::uint64_t send(NodeId node, const Ask& ask, const std::string& key = {},
                       Duration timeout = 2s, Reading reading = Reading::linearizable,
                       const Manner& manner = {});
    // None: not answered yet.
    std::optional<ReplyFields> answer(std::uint64_t number) const;
    // Runs the cluster until the number is answered, or for `limit`.
    std::optional<ReplyFields> wait(std::uint64_t number, Duration limit);
    // Asks one node; without any answer some time after the timeout, the error is "SILENCE".
    ReplyFields ask(NodeId node, const Ask& ask, const std::string& key = {}, Duration timeout = 2s,
                    Reading reading = Reading::linearizable, const Manner& manner = {});

    // Asks one node after the other until one has done it; throws if none has within `limit`. Not
    // for what must happen once.
    std::uint64_t set(const std::string& key, const std::string& value, Duration limit = 10s);
    // None: the key is absent.
    std::optional<std::string> get(const std::string& key, Duration limit = 10s);
    // AskToAdd, AskToRemove, AskToPromote, AskToDemote.
    void change(const Ask& ask, Duration limit = 10s);
    // A session's id.
    std::uint64_t open_session(Duration limit = 10s) {
        return insist(AskSession{}, {}, limit).session;
    }
    // Begins a watch and does not wait. Returns its number.
    std::uint64_t watch(NodeId node, const AskWatch& ask, const std::string& key) {
        const std::uint64_t number = send(node, ask, key);
        streams_[number];
        return number;
    }
    // What came of it so far.
    const std::vector<ReplyFields>& stream(std::uint64_t number) const {
        return streams_.at(number);
    }
    // Everything that is there.
    std::vector<ReplyItem> scan(Duration limit = 10s) { return insist(ScanAll{}, {}, limit).items; }

private:
    void on_reply(NodeId node, const ClientFrame& frame) override;
    Heard on_stream(NodeId node, const StreamFrame& frame) override;
    ReplyFields insist(const Ask& ask, const std::string& key, Duration limit);

    Cluster& cluster_;
    std::uint64_t last_ = 0;
    std::uint32_t next_node_ = 0;
    std::map<std::uint64_t, ReplyFields> answers_;
    std::map<std::uint64_t, std::vector<ReplyFields>> streams_;
};

class Scene {
public:
    using Nodes = std::vector<std::uint32_t>;

    // All nodes run, and their disks take a third of a millisecond for a sync.
    explicit Scene(std::size_t nodes, std::uint64_t seed) : Scene(options(nodes, seed)) {}
    explicit Scene(const ClusterOptions& options);

    static ClusterOptions options(std::size_t nodes, std::uint64_t seed);

    // The number of the node that leads, once there is one.
    std::uint32_t wait_for_leader(Duration limit = kRecovery);
    // The same, but it is not that one and has a majority's word: it has committed in its term.
    std::uint32_t wait_for_leader_other_than(std::uint32_t node, Duration limit = kRecovery);
    // Until the node knows that it leads no more, which it may learn after the others.
    void wait_until_deposed(std::uint32_t node, Duration limit = kRecovery);
    // Until all that are to run have the same log, committed, durable and applied to its end.
    void wait_until_equal(Duration limit = kRecovery);
    bool equal() const;

    Nodes others(std::uint32_t node) const { return others(Nodes{node}); }
    Nodes others(const Nodes& nodes) const;
    // Cuts the nodes off from all others.
    void isolate(const Nodes& nodes, Network::Cut how = Network::Cut::loses) {
        cluster.part(nodes, others(nodes), how);
    }
    // Adds the node, starts it on its machine, and waits until it votes.
    void add(std::uint32_t node);
    void remove(std::uint32_t node);
    // What `raftbus repair` does for a node that is down: it is demoted, and comes back from
    // nothing.
    void repair(std::uint32_t node);
    // Until the members, as the leader knows them, read so: "[n1, n2] learners=[n3]".
    void wait_for_members(const std::string& members, Duration limit = kRecovery);
    std::string members() const;
    // The highest term that any living node has seen.
    Term term() const;
    Term term_of(std::uint32_t node) const { return cluster.node(node).replicator().fence(); }
    void sync_takes(std::uint32_t node, Duration time);
    // `action`, so much later.
    void after(Duration time, std::function<void()> action) {
        cluster.events().add(cluster.now() + time, std::move(action));
    }
    void seconds_pass(int seconds) { cluster.run(std::chrono::seconds(seconds)); }

    Cluster cluster;
    SceneClient client{cluster};
};

// Each scene is played with several seeds: the same faults, other moments.
class SceneTest : public ::testing::TestWithParam<std::uint64_t> {
protected:
    static std::uint64_t seed() { return GetParam(); }
};

}  // namespace raftbus::sim
