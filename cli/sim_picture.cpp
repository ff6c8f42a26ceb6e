#include "cli/sim_picture.hpp"

#include <fmt/format.h>

#include "cli/display.hpp"
#include "messages/text.hpp"

namespace raftbus::cli {
namespace {

constexpr std::size_t kRefusalColumns = 40;

// "n2,→n3": neither hears n2, nor is heard by it; n3 does not hear it.
std::string cut_off_from(const sim::Cluster& cluster, NodeId node, bool unicode) {
    std::string text;
    for (std::uint32_t n = 1; n <= cluster.size(); ++n) {
        const NodeId other(n);
        if (other == node) continue;
        const bool there = cluster.network().cut(node, other);
        const bool back = cluster.network().cut(other, node);
        if (!there && !back) continue;
        const std::string_view arrow = there && back ? ""
                                       : there       ? (unicode ? "→" : ">")
                                                     : (unicode ? "←" : "<");
        text += fmt::format("{}{}n{}", text.empty() ? "" : ",", arrow, n);
    }
    return text;
}

std::string role_of(const sim::SimNode& node) {
    if (node.state() == sim::SimNode::State::refused)
        return fmt::format("refuses: {}", shortened(node.refusal(), kRefusalColumns));
    if (!node.alive()) return "down";
    if (node.state() == sim::SimNode::State::starting) return "starting";
    const std::string role(node.replicator().leads() ? "leader"
                                                     : to_string(node.election().role()));
    return node.state() == sim::SimNode::State::paused ? role + ", paused" : role;
}

std::vector<Value> row_of(const sim::Cluster& cluster, const sim::SimNode& node, bool unicode) {
    const std::string cut = cut_off_from(cluster, node.id(), unicode);
    std::vector<Value> row{fmt::format("n{}", node.id().value), role_of(node)};
    if (node.alive()) {
        const ReplicaLog& log = node.replicator().log();
        row.insert(row.end(),
                   {node.election().term().value, to_text(log.last()), log.durable().value,
                    log.commit().value, node.kv().applied().index.value});
    } else {
        row.resize(row.size() + 5);
    }
    row.emplace_back(cut);
    return row;
}

}  // namespace

Records picture_of(const sim::Cluster& cluster, bool unicode) {
    Records records{{"node", "role", "term", "log", "durable", "commit", "applied", "cut off from"},
                    {}};
    for (std::uint32_t n = 1; n <= cluster.size(); ++n)
        if (cluster.born(n)) records.rows.push_back(row_of(cluster, cluster.node(n), unicode));
    return records;
}

}  // namespace raftbus::cli
