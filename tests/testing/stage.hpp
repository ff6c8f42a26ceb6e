// stage: a simulated cluster moved by hand, one message at a time. What a test delivers, holds
// back, loses or repeats is up to it, so every race between two actors of a node can be played.
// After every step the invariants are checked.
//
// The conversation is that of election, replicator and storage. What gateways, state machines and
// the bus are told, and what state machines say, is delivered at once and quietly, unless a test
// names that pair.
//
// Owns: what is held, what the gateways and the bus were told.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/cluster.hpp"

namespace raftbus::testing {

class Stage : private sim::Tamper {
public:
    using Pair = std::pair<Address, Address>;

    // Nodes 1 to `nodes`. `told` is called with a line for every message that is delivered.
    Stage(std::size_t nodes, RaftOptions options, std::function<void(std::string)> told = {});

    // ---- what a script may do

    // Fires the node's election timer, whatever time it is.
    void election_timeout(NodeId node);
    // Fires the replicator's heartbeat timer.
    void tick(NodeId node);
    void pass(Duration time) { cluster_.run(time); }
    // Delivers the oldest message of this pair; CHECKs that there is one.
    void deliver(Address from, Address to);
    // The same, but it stays under way as well.
    void duplicate(Address from, Address to);
    void drop(Address from, Address to);
    bool under_way(Address from, Address to);
    // What this pair sends waits from now on, until release.
    void hold(Address from, Address to);
    void release(Address from, Address to);
    // Messages between the two are lost, those under way as well, until heal.
    void cut(NodeId a, NodeId b);
    void heal() { cluster_.heal(); }
    // Delivers everything that is not held, until nothing is left; with `node`, inside that node
    // only.
    void settle(NodeId node = {});
    // The machine loses power; what was not synced is lost, and so is what was under way to it or
    // inside it. What it sent to other nodes is still under way.
    void crash(NodeId node);
    void restart(NodeId node);
    bool alive(NodeId node) const { return cluster_.node(node).alive(); }
    // A client's SET of `key` through the gateway of `at`, to the node that leads there.
    void propose(NodeId at, NodeId leader, const std::string& key);
    // Any message, as if `from` had sent it.
    void send(Address from, Address to, const AnyMessage& message);

    // ---- what can be seen

    NodeView view(NodeId node);
    // "n1 leader term=2 vote=n1 fence=2 open=2 log=[1/1 2/2] commit=1 durable=2"
    std::string show(NodeId node);
    // What the node's gateway and bus were sent, and was not taken yet.
    template <class M>
    std::vector<M> take_from_gateway(NodeId node) {
        std::vector<M> found;
        std::erase_if(answers_[node], [&](const AnyMessage& message) {
            if (auto* m = std::get_if<M>(&message)) return found.push_back(*m), true;
            return false;
        });
        return found;
    }
    const RaftOptions& options() const { return options_; }

private:
    // Tamper, which only listens.
    bool on_send(sim::SimNode& node, Envelope& envelope, AnyMessage& message) override;
    bool on_receive(sim::SimNode& node, Envelope& envelope, AnyMessage& message) override;

    bool quiet(Address from, Address to) const;
    void settle_quietly();
    void fire(NodeId node, ActorName actor, TimerId timer);
    sim::Mail::PipeNumber pipe(Address from, Address to);
    sim::Mail::PipeNumber pipe_in_use(Address from, Address to);

    const RaftOptions options_;
    const std::function<void(std::string)> told_;
    sim::Cluster cluster_;
    std::set<Pair> held_;
    std::set<Pair> named_;  // were held at any time
    std::map<NodeId, std::vector<AnyMessage>> answers_;
    std::map<NodeId, HardState> stored_;
    std::uint64_t proposals_ = 0;
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
