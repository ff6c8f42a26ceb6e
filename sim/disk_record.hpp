// disk_record: what one node's storage has acknowledged, and from when on: the promises that its
// disk has to keep.
//
// Owns: the ends of all batches in the log as acknowledged, the hard state likewise, and what is
// acknowledged at a moment that is still to come (storage answers when its disk is done). A value.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "messages/local.hpp"
#include "storage/log.hpp"

namespace raftbus::sim {

class DiskRecord {
public:
    // Storage acknowledges the request at `done`; moments come in order.
    void wrote(const Append& append, Moment done);
    void saved(HardState hard_state, Moment done);

    // A snapshot took the log's place: it holds these entries now, and nothing else is owed.
    void restarted(std::vector<EntryId> ends);

    // What had been acknowledged by `now`; moments come in order.
    const HardState& hard_state(Moment now);
    EntryId last(Moment now);
    bool holds(EntryId entry, Moment now);

    // The process ended at `at`. What would have been acknowledged later may be there or not.
    void ended(Moment at);
    // A restart found this, and will have made it durable by `done`. None, or the promise that was
    // broken.
    std::optional<std::string> found(const HardState& hard_state, const std::vector<EntryId>& ends,
                                     Moment done);

private:
    struct Pending {
        Moment done;
        std::optional<HardState> hard_state;
        LogIndex cut_from;
        std::vector<EntryId> ends;
    };
    void fold(Moment now);
    static void cut(std::vector<EntryId>& ends, LogIndex from);
    const EntryId* batch_with(LogIndex index) const;

    HardState hard_state_;
    std::vector<EntryId> ends_;  // of batches, ascending
    LogIndex restarted_after_;   // nothing at or below it changes any more
    std::deque<Pending> pending_;
};

}  // namespace raftbus::sim
