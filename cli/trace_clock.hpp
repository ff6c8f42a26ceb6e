// trace_clock: several nodes' clocks as one.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "messages/trace.hpp"

namespace raftbus::cli {

// Reads events' times on the reference node's wall clock. Another node's clock is taken as it is as
// long as no message seems to arrive before it was sent; then it is shifted by the difference
// between the fastest messages each way, halved, as NTP does.
class TraceClock {
public:
    TraceClock(const std::vector<TraceEvent>& events, NodeId reference);

    std::int64_t us(const TraceEvent& event) const;
    // The largest correction, without its sign.
    std::int64_t largest_shift_us() const;

private:
    std::map<NodeId, std::int64_t> shifts_us_;  // to be subtracted
};

}  // namespace raftbus::cli
