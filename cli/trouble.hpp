// trouble: what is wrong with a node, as its own STATUS tells it. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/value.hpp"

namespace raftbus::cli {

// In words, the gravest first; empty: nothing. A field that an older node does not send is no
// trouble.
std::vector<std::string> troubles_of(const Value& status);

}  // namespace raftbus::cli
