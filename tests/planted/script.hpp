// script: a cluster that is moved by hand, for bugs that need one order of events among very many.
//
// Owns: which pipes are held. Must not know: bugs.
#pragma once

#include <set>

#include "sim/cluster.hpp"

namespace raftbus::planted {

class Script {
public:
    // All nodes have started. Time passes only when it is told to.
    Script(std::size_t nodes, sim::Tamper* tamper);

    // What is sent there stays under way.
    void hold(Address from, Address to) { held_.insert({from, to}); }
    // What the node's replicator sends to these nodes' stays under way.
    void hold_entries(std::uint32_t from, std::initializer_list<std::uint32_t> to);
    // Delivers what is under way and not held, until nothing is left.
    void settle();
    // Delivers the oldest message of a pipe, held or not.
    void deliver(Address from, Address to);
    // No leader has been heard for a while, and the node's election timeout fires.
    void time_out(std::uint32_t node);

    sim::Cluster& cluster() { return cluster_; }

private:
    sim::Cluster cluster_;
    std::set<std::pair<Address, Address>> held_;
};

inline Address election(std::uint32_t node) {
    return {NodeId(node), ActorName::election};
}
inline Address replicator(std::uint32_t node) {
    return {NodeId(node), ActorName::replicator};
}
inline Address storage(std::uint32_t node) {
    return {NodeId(node), ActorName::storage};
}

}  // namespace raftbus::planted
