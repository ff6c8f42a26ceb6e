// help: what the program says about itself, all of it from the table of verbs.
#pragma once

#include <string>

#include "cli/verb.hpp"

namespace raftbus::cli {

std::string overview();
std::string help_for(const Verb& verb);
// Its three examples.
std::string cheat_sheet(const Verb& verb);

}  // namespace raftbus::cli
