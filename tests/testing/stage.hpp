// stage: a cluster of real election, replicator and storage actors on in-memory disks, moved by
// hand, one message at a time. What a test delivers, holds back, loses or repeats is up to it, so
// every race between two actors of a node can be played. After every step the invariants are
// checked.
//
// Owns: nodes, the messages under way (one queue per sender and receiver), time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/election.hpp"
#include "actors/invariants.hpp"
#include "actors/replicator.hpp"
#include "actors/storage.hpp"
#include "tests/testing/memory_disk.hpp"

namespace raftbus::testing {

class Stage {
public:
    using Pair = std::pair<Address, Address>;

    // Nodes 1 to `nodes`. `told` is called with a line for every message that is delivered.
    Stage(std::size_t nodes, RaftOptions options, std::function<void(std::string)> told = {});
    ~Stage();

    // ---- what a script may do

    // Fires the node's election timer, whatever time it is.
    void election_timeout(NodeId node);
    // Fires the replicator's heartbeat timer.
    void tick(NodeId node);
    void pass(Duration time) { now_ += time; }
    // Delivers the oldest message of this pair; CHECKs that there is one.
    void deliver(Address from, Address to);
    // The same, but it stays under way as well.
    void duplicate(Address from, Address to);
    void drop(Address from, Address to);
    bool under_way(Address from, Address to) const;
    // What this pair sends waits from now on, until release.
    void hold(Address from, Address to) { held_.insert({from, to}); }
    void release(Address from, Address to) { held_.erase({from, to}); }
    // Messages between the two are lost, until heal.
    void cut(NodeId a, NodeId b);
    void heal() { cut_.clear(); }
    // Delivers everything that is not held, until nothing is left; with `node`, inside that node
    // only.
    void settle(NodeId node = {});
    // The process dies; what was not synced is lost, and so is what was under way to it or inside
    // it. What it sent to other nodes is still under way.
    void crash(NodeId node);
    void restart(NodeId node);
    bool alive(NodeId node) const { return nodes_.contains(node); }
    // A client's command through the gateway of `at`, to the node that leads there.
    void propose(NodeId at, NodeId leader, const std::string& body, std::uint32_t count = 1);
    // Any message, as if `from` had sent it.
    void send(Address from, Address to, AnyMessage message);

    // ---- what can be seen

    NodeView view(NodeId node) const;
    // "n1 leader term=2 vote=n1 fence=2 open=2 log=[1/1 2/2] commit=1 durable=2"
    std::string show(NodeId node) const;
    const std::vector<Batch>& applied(NodeId node) const { return applied_.at(node); }
    // What the node's gateway and bus were sent, and was not taken yet.
    template <class M>
    std::vector<M> take_from_gateway(NodeId node) {
        std::vector<M> found;
        std::erase_if(gateway_[node], [&](const AnyMessage& message) {
            if (auto* m = std::get_if<M>(&message)) return found.push_back(*m), true;
            return false;
        });
        return found;
    }
    MemoryDisk& disk(NodeId node) { return disks_[node]; }
    const RaftOptions& options() const { return options_; }

private:
    class ActorContext;
    struct Node {
        std::unique_ptr<Log> log;
        std::map<ActorName, std::unique_ptr<ActorContext>> contexts;
        std::unique_ptr<Election> election;
        std::unique_ptr<Replicator> replicator;
        std::unique_ptr<Storage> storage;
        HardState stored;
    };
    struct UnderWay {
        Envelope envelope;
        AnyMessage message;
    };

    Actor* actor(Address address);
    void take(const UnderWay& message);
    void check();
    void post(Address from, Address to, AnyMessage message);
    UnderWay& oldest(Address from, Address to);

    const RaftOptions options_;
    std::function<void(std::string)> told_;
    Moment now_{std::chrono::hours(1)};
    std::map<NodeId, MemoryDisk> disks_;
    std::map<NodeId, Node> nodes_;
    std::map<Pair, std::deque<UnderWay>> under_way_;
    std::set<Pair> held_;
    std::set<std::pair<NodeId, NodeId>> cut_;
    std::map<NodeId, std::vector<Batch>> applied_;
    std::map<NodeId, std::vector<AnyMessage>> gateway_;
    std::map<NodeId, NodeView> before_;
    ClusterRules rules_;
    std::uint64_t proposals_ = 0;
    std::uint64_t random_ = 0;
};

// Options for `nodes` nodes with the defaults that transcripts rely on.
RaftOptions stage_options(std::size_t nodes);

inline Address election(std::uint32_t n) {
    return {NodeId(n), ActorName::election};
}
inline Address replicator(std::uint32_t n) {
    return {NodeId(n), ActorName::replicator};
}
inline Address storage(std::uint32_t n) {
    return {NodeId(n), ActorName::storage};
}
inline Address gateway(std::uint32_t n) {
    return {NodeId(n), ActorName::gateway};
}
inline Address bus(std::uint32_t n) {
    return {NodeId(n), ActorName::bus};
}

}  // namespace raftbus::testing
