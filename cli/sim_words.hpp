// sim_words: the words of the simulator's prompt: nodes and the cuts between them.
//
// Everything that is wrong throws Failure{refused} with what to write instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raftbus::cli {

// "2" or "n2"; there are nodes 1 to `nodes`.
std::uint32_t sim_node_from(std::string_view word, std::size_t nodes);

// Ordered pairs of nodes: what the first sends does not reach the second.
using SimCuts = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// "1,2|3": every link between the two groups, in both directions; there may be more groups.
// "1>3,4": the one direction alone.
SimCuts sim_cuts_from(std::string_view text, std::size_t nodes);

}  // namespace raftbus::cli
