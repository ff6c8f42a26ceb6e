#include "actors/invariants.hpp"

#include "actors/election.hpp"
#include "actors/replicator.hpp"
#include "messages/text.hpp"

namespace raftbus {
namespace {

std::string named(NodeId node, std::string_view rule) {
    return to_text(node) + ": " + std::string(rule);
}

}  // namespace

NodeView view_of(NodeId node, const Election& election, const Replicator& replicator,
                 const HardState& stored, EntryId stored_last) {
    const ReplicaLog& log = replicator.log();
    return {.node = node,
            .term = election.term(),
            .vote = election.vote(),
            .role = election.role(),
            .fence = replicator.fence(),
            .open = replicator.open(),
            .leads = replicator.leads(),
            .last = log.last(),
            .durable = log.durable(),
            .commit = log.commit(),
            .matched = replicator.matched(),
            .tail = &log.tail(),
            .stored = stored,
            .stored_last = stored_last};
}

Broken check_state(const NodeView& n) {
    if (n.stored.term < n.stored_last.term)
        return named(n.node, "the stored term is below the log's last");
    if (n.open > n.stored.term) return named(n.node, "works in a term that is not stored");
    if (n.open > n.fence) return named(n.node, "the open term is above the fence");
    if (n.fence < n.last.term) return named(n.node, "the fence is below the log's last term");
    if (n.leads && n.open != n.fence) return named(n.node, "leads behind the fence");
    if (n.commit > n.last.index) return named(n.node, "commit is beyond the log");
    if (n.durable > n.last.index) return named(n.node, "durable is beyond the log");
    if (n.matched > n.last.index) return named(n.node, "matched is beyond the log");
    if (n.stored.term > n.term) return named(n.node, "storage is ahead of election");
    return std::nullopt;
}

Broken check_step(const NodeView& before, const NodeView& after) {
    const NodeId node = after.node;
    if (after.term < before.term) return named(node, "the term fell");
    if (after.fence < before.fence) return named(node, "the fence fell");
    if (after.open < before.open) return named(node, "the open term fell");
    if (after.commit < before.commit) return named(node, "commit fell");
    if (after.stored.term < before.stored.term) return named(node, "the stored term fell");
    const bool same_term = after.term == before.term;
    if (same_term && before.vote && after.vote != before.vote)
        return named(node, "a second vote in one term");
    const bool stored_same_term = after.stored.term == before.stored.term;
    if (stored_same_term && before.stored.vote && after.stored.vote != before.stored.vote)
        return named(node, "a second stored vote in one term");
    const bool leads_on = before.leads && after.leads && before.fence == after.fence;
    if (leads_on && after.last.index < before.last.index)
        return named(node, "a leader shortened its log");
    if (leads_on && after.commit > before.commit &&
        after.tail->term_at(after.commit) != after.fence)
        return named(node, "a leader counted replicas of an older term's entry");
    return std::nullopt;
}

}  // namespace raftbus
