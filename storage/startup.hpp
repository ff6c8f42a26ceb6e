// startup: whether the log and the state that a start finds belong together.
#pragma once

#include "messages/result.hpp"
#include "storage/kv_state.hpp"
#include "storage/log.hpp"

namespace raftbus {

// The log has to reach the state, and to begin no later than behind it. If a snapshot was installed
// and the process died before the log knew, the log is made to go on after it: durable when this
// returns, and in log.recovered(). The error says what is missing and what is safe to do.
Status bring_together(Log& log, const KvState& state);

}  // namespace raftbus
