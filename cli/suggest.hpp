// suggest: "did you mean …?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace raftbus::cli {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that was most likely meant: the nearest one that is not too far, or else one that
// begins with the word. Empty if there is none.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace raftbus::cli
