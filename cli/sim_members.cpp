// sim_members: the console's commands that change the members.
#include <fmt/format.h>

#include "cli/sim_console.hpp"
#include "cli/sim_words.hpp"
#include "messages/text.hpp"
#include "sim/client_frames.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 10s;

}  // namespace

std::size_t SimConsole::nodes() const {
    const sim::Cluster& cluster = simulation_.cluster();
    std::uint32_t last = 1;
    for (std::uint32_t n = 1; n <= cluster.size(); ++n)
        if (cluster.born(n)) last = n;
    return last;
}

// Asks the leader in the name of its own gateway.
void SimConsole::change(const MemberChange& wanted,
                        const std::function<bool(const Configuration&)>& done) {
    sim::Cluster& cluster = simulation_.cluster();
    if (!run_until([&] { return cluster.leader().has_value(); }, kPatience))
        throw Failure(Exit::not_executed, "nobody leads", "run 2s lets time pass");
    act([&] {
        cluster.send({*cluster.leader(), ActorName::gateway},
                     {*cluster.leader(), ActorName::replicator},
                     ChangeMembers{ChangeNumber(line_number_ + 1), wanted});
    });
    const auto is_done = [&] {
        const auto now = cluster.configuration();
        return now && !now->joint() && done(*now);
    };
    if (run_until(is_done, kPatience)) return;
    const auto now = cluster.configuration();
    throw Failure(Exit::not_executed,
                  now ? fmt::format("the members are {}", to_text(*now)) : "nobody leads",
                  "a majority of the new voters has to answer, and one voter has to be left");
}

Exit SimConsole::add(const Words& words) {
    sim::Cluster& cluster = simulation_.cluster();
    const std::uint32_t node = sim_node_from(words.front(), cluster.size());
    if (node != nodes() + 1)
        throw Failure(Exit::refused, fmt::format("node {} is not the next one", node),
                      nodes() < cluster.size() ? fmt::format("write add {}", nodes() + 1)
                                               : "no machine is left");
    change({ChangeKind::add, sim::simulated_member(NodeId(node), true)},
           [&](const Configuration& now) { return now.find(NodeId(node)) != nullptr; });
    act([&] { cluster.join(node); });
    const auto votes = [&] {
        const auto now = cluster.configuration();
        return now && !now->joint() && now->voter(NodeId(node));
    };
    if (run_until(votes, kPatience)) return Exit::done;
    throw Failure(Exit::not_executed, fmt::format("node {} is a learner still", node),
                  "it becomes a voter when it has caught up");
}

Exit SimConsole::remove(const Words& words) {
    const NodeId node(node_in(words));
    change({ChangeKind::remove, {node}},
           [&](const Configuration& now) { return now.was_removed(node); });
    return Exit::done;
}

}  // namespace raftbus::cli
