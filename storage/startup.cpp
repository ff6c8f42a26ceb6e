#include "storage/startup.hpp"

#include <algorithm>
#include <string>

namespace raftbus {
namespace {

// False if the log holds another entry there, or none. The term before its first entry may be
// unknown.
bool reaches(const RecoveredLog& log, EntryId entry) {
    if (entry.index > log.last.index) return false;
    if (entry.index <= log.before_first.index) return true;
    const auto after = std::ranges::upper_bound(log.term_starts, entry.index, {}, &EntryId::index);
    return after != log.term_starts.begin() && std::prev(after)->term == entry.term;
}

std::string number(LogIndex index) {
    return std::to_string(index.value);
}

}  // namespace

Status bring_together(Log& log, const KvState& state) {
    const EntryId applied = state.applied();
    const RecoveredLog& found = log.recovered();
    if (!reaches(found, applied)) {
        if (!state.installed())
            return Error{"the state holds entries up to " + number(applied.index) +
                         ", but the log ends at " + number(found.last.index) +
                         ", or holds others: log files are missing; put them back, or empty the "
                         "directory and let the peers rebuild it"};
        if (!log.restart_after(applied))
            return Error{"no room on the disk for another log segment; free some and start again"};
    } else if (applied.index < found.before_first.index) {
        return Error{"the log begins at " + number(found.before_first.index.next()) +
                     ", but the state holds entries up to " + number(applied.index) +
                     " only: log files or files of the state are missing; put them back, or empty "
                     "the directory and let the peers rebuild it"};
    }
    return Done{};
}

}  // namespace raftbus
