// durable_mark: up to where the log is on disk, told from numbered acknowledgements. A value.
//
// An index is durable once a request that wrote it is acknowledged and no later request touched it
// (design rule 5). (index, term) alone would not do: a suffix can be cut by a newer leader and come
// back with the same index and term while the first acknowledgement is on its way.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "messages/check.hpp"
#include "messages/types.hpp"

namespace raftbus {

class DurableMark {
public:
    // A request went to storage that changes the log from index `from` on. Numbers ascend.
    void asked(StorageRequest request, LogIndex from, Moment when) {
        CHECK(outstanding_.empty() || outstanding_.back().request < request);
        outstanding_.push_back({request, from, when});
    }

    // Storage answers in the order it was asked.
    void acknowledged(StorageRequest request) {
        CHECK(!outstanding_.empty() && outstanding_.front().request == request,
              "storage answers in order");
        outstanding_.pop_front();
    }

    // Storage had no room and wrote nothing of the request. Returns from which index on the log has
    // to be written again; none if a later request wrote there anyway.
    std::optional<LogIndex> refused(StorageRequest request) {
        CHECK(!outstanding_.empty() && outstanding_.front().request == request,
              "storage answers in order");
        const LogIndex from = outstanding_.front().from;
        outstanding_.pop_front();
        const bool superseded = std::any_of(outstanding_.begin(), outstanding_.end(),
                                            [&](const Asked& later) { return later.from <= from; });
        return superseded ? std::nullopt : std::optional(from);
    }

    // The newest durable index of a log that was handed to storage up to `last`.
    LogIndex durable(LogIndex last) const {
        for (const Asked& asked : outstanding_) last = std::min(last, asked.from.previous());
        return last;
    }

    bool idle() const { return outstanding_.empty(); }
    // When the oldest request that is not answered was made.
    std::optional<Moment> waiting_since() const {
        return idle() ? std::nullopt : std::optional(outstanding_.front().when);
    }

private:
    struct Asked {
        StorageRequest request;
        LogIndex from;
        Moment when;
    };
    std::deque<Asked> outstanding_;
};

}  // namespace raftbus
