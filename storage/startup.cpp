#include "storage/startup.hpp"

#include <algorithm>
#include <string>

namespace raftbus {
namespace {

std::string number(LogIndex index) {
    return std::to_string(index.value);
}

}  // namespace

Result<std::unique_ptr<Log>> open_log(Disk& disk, const Identity& identity, LogOptions options) {
    options.identity = identity_hash(identity);
    auto log = Log::open(disk, options);
    if (!log || (*log)->recovered().hard_state.term >= identity.rejoin_term) return log;
    if (!(*log)->stage(HardState{identity.rejoin_term, NodeId()}))
        return Error{"no room on the disk for the term; free some and start again"};
    (*log)->sync();
    log->reset();
    return Log::open(disk, options);
}

Result<bool> judge_together(const RecoveredLog& log, EntryId applied, bool installed) {
    constexpr const char* next =
        "; put them back, or see `raftbus check` and let `raftbus repair` rebuild the node from "
        "its peers";
    if (!reaches(log, applied)) {
        if (installed) return true;
        return Error{"the state holds entries up to " + number(applied.index) +
                     ", but the log ends at " + number(log.last.index) +
                     ", or holds others: log files are missing" + next};
    }
    if (applied.index < log.before_first.index)
        return Error{"the log begins at " + number(log.before_first.index.next()) +
                     ", but the state holds entries up to " + number(applied.index) +
                     " only: log files or files of the state are missing" + next};
    return false;
}

Status bring_together(Log& log, const KvState& state) {
    const Result<bool> restart =
        judge_together(log.recovered(), state.applied(), state.installed());
    if (!restart) return restart.error();
    if (*restart && !log.restart_after(state.applied()))
        return Error{"no room on the disk for another log segment; free some and start again"};
    return Done{};
}

}  // namespace raftbus
