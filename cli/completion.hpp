// completion: what may stand where the cursor is, for the shell of raftbus and for those of the
// system.
#pragma once

#include <string>
#include <vector>

#include "cli/client.hpp"

namespace raftbus::cli {

// Words that begin with `word` and may follow `before` (without the program's name). Keys and nodes
// are asked of the cluster, for a moment only; null: they are left out.
std::vector<std::string> completions(const std::vector<std::string>& before,
                                     const std::string& word, Client* client);

}  // namespace raftbus::cli
