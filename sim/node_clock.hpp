// node_clock: what one node takes for the time: a clock that runs at a rate of its own and never
// goes back, and a time of day that jumps.
//
// Owns: the rate and both offsets. In whole numbers only, so that every machine computes the same.
#pragma once

#include "messages/types.hpp"

namespace raftbus::sim {

class NodeClock {
public:
    // How many microseconds of the node pass in a million true ones.
    static constexpr std::int64_t kTrueRate = 1'000'000;

    Moment at(Moment truly) const { return shown_ + scaled(truly - since_); }
    WallTime wall_at(Moment truly) const {
        return WallTime(kEpoch + at(truly).time_since_epoch().count() + wall_offset_.count());
    }
    // The true time in which `shown` pass on this clock, or a moment more.
    Duration truly(Duration shown) const {
        return Duration((shown.count() * kTrueRate + rate_ - 1) / rate_);
    }

    // Runs at `rate`, > 0, from `now` on.
    void set_rate(Moment now, std::int64_t rate) {
        shown_ = at(now);
        since_ = now;
        rate_ = rate;
    }
    // The time of day jumps; the steady clock does not.
    void jump(Duration by) { wall_offset_ += by; }

private:
    static constexpr std::int64_t kEpoch = 1'800'000'000'000'000;  // some day in 2027

    Duration scaled(Duration true_time) const {
        return Duration(true_time.count() * rate_ / kTrueRate);
    }

    std::int64_t rate_ = kTrueRate;
    Moment since_{};
    Moment shown_{};
    Duration wall_offset_{};
};

}  // namespace raftbus::sim
