// state_directory: the directory of a durable state, and what stands beside it.
//
// Owns: the names, and what starts and crashes leave there. Must not know: RocksDB, what the files hold.
#pragma once

#include <string>
#include <string_view>

#include "messages/result.hpp"

namespace raftbus::state_directory {

inline constexpr std::string_view kFlushFile = "flush.pending";  // RocksDB minds only names that it knows
// Beside the directory: what it was before an installation, and the two ends of a snapshot.
inline constexpr std::string_view kOldSuffix = "-old";
inline constexpr std::string_view kIncomingSuffix = "-incoming";
inline constexpr std::string_view kSnapshotSuffix = "-snapshot";

// The cause, and what to look at.
std::string inaccessible(const std::string& directory, const std::string& cause);

// Makes the directory with its parents, its name durable, and without leftovers. The error names the
// directory, the cause and the next step.
Status prepare(const std::string& directory);

}  // namespace raftbus::state_directory
