// cluster_time: the time that a leader gives the log, from which alone the state knows what time it
// is. It goes on from the newest time that log and state have, at the pace of the leader's steady
// clock. So a wall clock that jumps, or is an hour ahead, ends nothing early, and time stands still
// while nobody leads. A value.
#pragma once

#include <algorithm>

#include "messages/types.hpp"

namespace raftbus {

class ClusterTime {
public:
    // Goes on from `newest` at the moment `now`. Without one (0) it is a new cluster's, and begins
    // with the wall clock.
    ClusterTime(WallTime newest, WallTime wall, Moment now)
        : begin_(newest ? newest : std::max(wall, WallTime(1))), since_(now) {}

    WallTime at(Moment now) const { return WallTime(begin_.value + (now - since_).count()); }

private:
    WallTime begin_;
    Moment since_;
};

}  // namespace raftbus
