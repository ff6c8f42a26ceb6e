// recovery: what the segments say when a node starts.
//
// Owns: the replay of all records, and the judgement between an unfinished write, which is cut off,
// and damage, which is refused (docs/log-format.md has the reasoning). Makes the first segment of a
// new log. Must not know: how records are written.
#pragma once

#include "messages/result.hpp"
#include "storage/batch_index.hpp"
#include "storage/disk.hpp"
#include "storage/log.hpp"
#include "storage/log_writer.hpp"

namespace raftbus {

struct Recovery {
    BatchIndex index;
    HardState hard_state;  // as saved, which may be of an older term than the log's last entry
    WallTime newest_time;  // of the batches that are left in the log; 0: there are none
    std::uint64_t torn_bytes = 0;                     // of an unfinished write, cut off
    std::vector<StoredConfiguration> configurations;  // ascending
    LogEnd end;
};

// Everything that it reports is durable when it returns. An error leaves the files as they were.
Result<Recovery> recover_log(Disk& disk, const LogOptions& options);

// The same judgement, and nothing is changed in any case. `end` names the segments alone.
Result<Recovery> judge_log(Disk& disk, const LogOptions& options);

}  // namespace raftbus
