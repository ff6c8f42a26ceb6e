// cluster_rules: what always holds of all nodes together, and over time (Raft Figure 3), checked
// after every step.
//
// Owns: a picture of every node's log and of what its disk has promised; everything that was ever
// committed, applied or led. Must not know: how a step came about, faults.
//
// Logs are compared by chains: each batch has a hash of itself and of all before it, so two logs
// that hold a batch with the same index, term and chain are equal up to it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/invariants.hpp"
#include "actors/log_tail.hpp"
#include "messages/catalog.hpp"
#include "sim/disk_record.hpp"

namespace raftbus::sim {

// A batch that was committed.
struct Committed {
    Batch batch;
    std::uint64_t chain;
    Term in;  // the term of the leader that committed it
};

class ClusterRules {
public:
    // Nodes 1 to `nodes`.
    explicit ClusterRules(std::size_t nodes);

    // What a node finds when it starts.
    struct Found {
        EntryId before_first;  // the log begins behind it
        std::vector<Batch> log;
        HardState hard_state;
        LogIndex applied;
        Configuration base;  // in force while the log holds no configuration
    };
    // Before `done` it takes no part.
    Broken on_start(NodeId node, const Found& found, Moment done);
    void on_end(NodeId node, Moment now);
    // It is down, and has forgotten everything but that it is of use from this term on, and in no
    // election before its log reaches `rejoin_at`.
    void on_emptied(NodeId node, Term term, LogIndex rejoin_at);
    // Storage takes a request.
    void on_asked(NodeId node, const AnyMessage& message);
    // A node's actor sends a message, which goes out at `sent`.
    Broken on_said(NodeId node, const AnyMessage& message, Address to, Moment sent);
    // Any step of election, replicator or storage.
    Broken on_step(NodeId node, const Election& election, const Replicator& replicator, Moment now);
    // A snapshot up to `last` has taken the place of a node's state.
    Broken on_installed(NodeId node, EntryId last);
    // Any step of the state machine.
    Broken on_applied(NodeId node, EntryId applied, std::uint64_t digest);
    // Its state is made to differ by whoever asks this: the nodes have to find it, not these rules.
    void let_state_differ(NodeId node) { may_differ_.insert(node); }

    const std::vector<Committed>& committed() const { return committed_; }
    // Up to which index a leader has committed.
    LogIndex commit() const;
    // In how many terms there was a leader.
    std::size_t terms_led() const { return leaders_.size(); }

private:
    struct Mark {  // a batch in a node's log
        EntryId last;
        std::uint64_t chain;
        WallTime time;
    };
    struct Said {  // by a follower, in one term
        LogIndex matched;
        Round round;
    };
    struct Node {
        std::vector<Mark> log;
        Configuration base;
        std::vector<std::pair<LogIndex, Configuration>> configurations;  // in the log
        DiskRecord disk;
        std::map<StorageRequest, Append> appends;  // asked of storage, not answered
        std::map<StorageRequest, HardState> saves;
        std::map<Term, Said> said;
        std::optional<NodeView> before;
        Configuration deciding;     // in force before the last step: what it committed went by this
        std::size_t committed = 0;  // how many batches of its log are
        LogIndex applied;
        LogIndex rejoin_at;  // it lost what it had promised up to there
    };
    Node& at(NodeId node) { return nodes_[node.value - 1]; }
    static const Configuration& in_force(const Node& node) {
        return node.configurations.empty() ? node.base : node.configurations.back().second;
    }

    Broken check_rejoined(NodeId id, const AnyMessage& message) const;
    Broken check_vote(NodeId id, const HardState& vote, Moment sent);
    Broken check_read(NodeId id, const ReadIndexReply& reply, NodeId asker) const;
    Broken check_beliefs(NodeId id, const Replicator& replicator, Moment now);
    Broken check_acknowledged(NodeId id, Term term, LogIndex index, Moment sent);
    std::optional<std::size_t> committed_up_to(EntryId entry) const;
    Broken begin_after(NodeId id, Node& node, EntryId entry) const;
    Broken follow_log(NodeId id, Node& node, const LogTail& tail);
    Broken add(NodeId id, Node& node, const Batch& batch);
    Broken follow_commit(NodeId id, Node& node, const NodeView& view);
    Broken commit_next(NodeId id, const Mark& mark, const NodeView& view, Moment now);
    Broken check_leader(NodeId id, const Node& node, Term term) const;
    Broken check_configuration(NodeId id, const Node& node, const Replicator& replicator,
                               const NodeView& view) const;
    Broken check_elected(NodeId id, const Node& node, Term term) const;
    bool on_majorities_of_disks(EntryId entry, const Configuration& configuration, Moment now);
    static std::size_t count_up_to(const std::vector<Mark>& log, LogIndex index);

    std::vector<Node> nodes_;
    std::map<Term, NodeId> leaders_;
    std::map<std::pair<Term, NodeId>, std::set<NodeId>> votes_;  // by candidate: who said yes
    std::map<std::pair<NodeId, ReadNumber>, LogIndex> reads_;    // asked: what was committed then
    struct Known {
        std::uint64_t chain;
        Batch batch;
    };
    std::unordered_map<std::uint64_t, Known> known_;  // every batch that was in any log, by entry
    std::vector<Committed> committed_;                // in order
    std::unordered_map<std::uint64_t, std::uint64_t> digests_;  // by applied index
    std::set<NodeId> may_differ_;                               // their states are wrong on purpose
    Moment now_;
};

}  // namespace raftbus::sim
