// applied_mark: how far the state had come when the node was stopped in good order. All of that is
// committed, so the next start applies it at once, without having to hear of a leader first.
//
// Owns: the file `applied`, text that a person can read. Must not know: the log; whoever believes
// the mark has made sure that the log holds that very entry.
#pragma once

#include <cstdint>

#include "messages/types.hpp"
#include "storage/disk.hpp"

namespace raftbus {

// Durable when it returns. Does nothing if there is no room on the disk. `identity`: of the log.
void save_applied_mark(Disk& disk, std::uint64_t identity, EntryId applied);

// {0, 0}: there is none, it is damaged, or it is another log's.
EntryId load_applied_mark(Disk& disk, std::uint64_t identity);

}  // namespace raftbus
