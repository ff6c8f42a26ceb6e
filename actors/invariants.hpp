// invariants: what always holds of a node, written down so that it can be checked after every step.
// The simulator does; nothing here runs in production.
//
// Owns: the rules of one node. State rules speak of one moment, step rules of before and after a
// step. (The rules of all nodes over time, Raft Figure 3, are sim/cluster_rules.) Must not know:
// how a step came about.
#pragma once

#include <optional>
#include <string>

#include "messages/local.hpp"
#include "storage/log.hpp"

namespace raftbus {

class Election;
class LogTail;
class Replicator;

// What one node looks like from outside at one moment.
struct NodeView {
    NodeId node;
    // election
    Term term;
    NodeId vote;
    RoleName role = RoleName::follower;
    // replicator
    Term fence, open;
    bool leads = false;
    EntryId last;
    LogIndex durable, commit, matched;
    const LogTail* tail = nullptr;  // as it is now
    // disk, as storage has acknowledged it
    HardState stored;
    EntryId stored_last;
};

NodeView view_of(NodeId node, const Election& election, const Replicator& replicator,
                 const HardState& stored, EntryId stored_last);

// The rule that is broken, in words; none if all hold.
using Broken = std::optional<std::string>;

// One node, one moment.
Broken check_state(const NodeView& node);
// One node, one step within one life of its process.
Broken check_step(const NodeView& before, const NodeView& after);

}  // namespace raftbus
