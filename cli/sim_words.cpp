#include "cli/sim_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/display.hpp"
#include "cli/failure.hpp"
#include "cli/options.hpp"

namespace raftbus::cli {
namespace {

using Group = std::vector<std::uint32_t>;

Group group_from(std::string_view text, std::size_t nodes) {
    Group group;
    for (const std::string& word : split(text, ',')) group.push_back(sim_node_from(word, nodes));
    return group;
}

void refuse_twice(const std::vector<Group>& groups) {
    std::set<std::uint32_t> seen;
    for (const Group& group : groups)
        for (const std::uint32_t node : group)
            if (!seen.insert(node).second)
                throw Failure(Exit::refused, fmt::format("node {} is there twice", node),
                              "name each node once");
}

void add_one_way(SimCuts& cuts, const Group& from, const Group& to) {
    for (const std::uint32_t a : from)
        for (const std::uint32_t b : to) cuts.emplace_back(a, b);
}

}  // namespace

std::uint32_t sim_node_from(std::string_view word, std::size_t nodes) {
    std::string_view digits = word;
    if (digits.starts_with('n')) digits.remove_prefix(1);
    const auto number = number_from(digits);
    if (!number || *number < 1 || *number > nodes)
        throw Failure(Exit::refused, fmt::format("{} is not a node", in_quotes(word)),
                      fmt::format("there are 1 to {}", nodes));
    return static_cast<std::uint32_t>(*number);
}

SimCuts sim_cuts_from(std::string_view text, std::size_t nodes) {
    const bool one_way = text.find('>') != std::string_view::npos;
    std::vector<Group> groups;
    for (const std::string& part : split(text, one_way ? '>' : '|'))
        groups.push_back(group_from(part, nodes));
    std::erase_if(groups, [](const Group& group) { return group.empty(); });
    if (groups.size() < 2 || (one_way && groups.size() > 2))
        throw Failure(Exit::refused, fmt::format("{} cuts nothing", in_quotes(text)),
                      "write 1,2|3 for two groups, 1>3 for one direction");
    refuse_twice(groups);
    SimCuts cuts;
    for (std::size_t i = 0; i < groups.size(); ++i)
        for (std::size_t j = i + 1; j < groups.size(); ++j) {
            add_one_way(cuts, groups[i], groups[j]);
            if (!one_way) add_one_way(cuts, groups[j], groups[i]);
        }
    return cuts;
}

}  // namespace raftbus::cli
