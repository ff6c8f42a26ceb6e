// invariants: what always holds, written down so that it can be checked after every step. The
// tests' stage and the simulator run all of it; nothing here runs in production.
//
// Owns: the rules. State rules speak of one node at one moment, step rules of one node before and
// after a step, cluster rules of all nodes over time (Raft Figure 3). Must not know: how a step
// came about.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/batch.hpp"
#include "messages/local.hpp"
#include "storage/log.hpp"

namespace raftbus {

class Election;
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
    std::vector<Batch> held;  // what memory holds of the log
    // disk
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

// The whole cluster, over time. Feed it every node's view after every step.
class ClusterRules {
public:
    Broken observe(const NodeView& node);

private:
    struct Committed {
        Term term;
        std::uint32_t body_crc;
        Term in;  // the term in which it was first seen to be committed
    };
    std::map<Term, NodeId> leaders_;
    std::map<LogIndex, Committed> committed_;  // by the first index of each batch
};

}  // namespace raftbus
