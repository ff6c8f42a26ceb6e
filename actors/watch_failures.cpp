#include "actors/watch_failures.hpp"

#include <string>

namespace raftbus::watch_failures {

using client::ErrorCode;
using client::Failure;

Failure over(std::string_view why, LogIndex told) {
    Failure failure{ErrorCode::busy,
                    std::string(why) + " from revision " + std::to_string(told.next().value),
                    {}};
    failure.told = told;
    return failure;
}

Failure compacted(const WatchEnded& ended) {
    const std::string first = std::to_string(ended.first.value);
    const std::string why = told(ended.incarnation);
    const bool broke_off = !why.empty() && ended.first <= ended.incarnation.since.next();
    Failure failure{
        ErrorCode::compacted,
        broke_off ? why + ", and its history begins anew with revision " + first +
                        ": read the keys, and watch from there on"
                  : "what changed before revision " + first +
                        " is no longer known here: read the keys, and watch from the next "
                        "revision on",
        {}};
    failure.first = ended.first;
    failure.incarnation = ended.incarnation.id;
    return failure;
}

Failure ahead(LogIndex from, LogIndex newest) {
    Failure failure{ErrorCode::bad_revision,
                    "revision " + std::to_string(from.value) +
                        " is more than one ahead of the newest revision of this cluster, " +
                        std::to_string(newest.value) +
                        ": it was read in another cluster, or in this one before it lost its "
                        "data. Read the keys, and watch from the next revision on",
                    {}};
    failure.told = newest;
    return failure;
}

Failure other_incarnation(std::uint64_t claimed, const WatchEnded& ended, LogIndex newest) {
    const std::string why = told(ended.incarnation);
    Failure failure{ErrorCode::bad_revision,
                    "revisions of incarnation " + std::to_string(claimed) +
                        " mean nothing here, this is incarnation " +
                        std::to_string(ended.incarnation.id) + (why.empty() ? why : ": " + why) +
                        ". Read the keys, and watch from the next revision on",
                    {}};
    failure.told = newest;
    failure.incarnation = ended.incarnation.id;
    return failure;
}

}  // namespace raftbus::watch_failures
