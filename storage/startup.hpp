// startup: whether the log and the state that a start finds belong together.
#pragma once

#include "messages/result.hpp"
#include "storage/identity.hpp"
#include "storage/kv_state.hpp"
#include "storage/log.hpp"

namespace raftbus {

// Opens the log of this node. One that is being rebuilt has its term raised first, durably: what
// it may have promised in older ones it does not know.
Result<std::unique_ptr<Log>> open_log(Disk& disk, const Identity& identity, LogOptions options);

// Whether what a start would find belongs together. True: it does once the log goes on after the
// state, which was installed. The error says what is missing and what is safe to do.
Result<bool> judge_together(const RecoveredLog& log, EntryId applied, bool installed);

// The log has to reach the state, and to begin no later than behind it. If a snapshot was installed
// and the process died before the log knew, the log is made to go on after it: durable when this
// returns, and in log.recovered(). The error says what is missing and what is safe to do.
Status bring_together(Log& log, const KvState& state);

}  // namespace raftbus
