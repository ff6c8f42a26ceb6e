// offline: what the verbs share that work on a node's data directory while the node is down.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/verb.hpp"
#include "storage/disk.hpp"
#include "storage/inspection.hpp"

namespace raftbus::cli {

// --output and --color, for verbs that speak to no cluster.
std::vector<OptionSpec> offline_options();

// Looks at everything, with a line of progress. Throws Failure: there is no such directory, nothing
// of a node in it, or a process is using it.
Inspection inspect_directory(const Session& session, const std::string& directory);
void print_inspection(const Output& output, const std::string& directory, const Inspection& found);
// "[n1, n2, n3], by entry 12"
std::string members_text(const Inspection& found);

// Run as root, such a verb leaves files of root's in the directory of a service's user, who could
// open none of them: whatever in it is root's gets the owner that the directory has. It does
// nothing for others.
void give_to_owner(const std::string& directory);

// "seg-0000000000000001, offset 4096: …"
std::string damage_line(const Damage& damage);

}  // namespace raftbus::cli
