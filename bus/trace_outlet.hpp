// trace_outlet: the way of an actor's events into the node's trace, and the switch that keeps them
// from being made while nobody listens.
#pragma once

#include <atomic>
#include <cstdint>

#include "messages/trace.hpp"

namespace raftbus {

// One per node, shared by its threads.
class TraceSwitch {
public:
    bool on() const { return on_.load(std::memory_order_relaxed); }
    void set(bool on) { on_.store(on, std::memory_order_relaxed); }
    // Numbers the node's events: 1, 2, 3, ...
    std::uint64_t next_sequence() { return sequence_.fetch_add(1, std::memory_order_relaxed) + 1; }

private:
    std::atomic<bool> on_{false};
    std::atomic<std::uint64_t> sequence_{0};
};

// One per worker.
class TraceOutlet {
public:
    virtual ~TraceOutlet() = default;
    // Never blocks; may lose the event, which its sequence number then tells.
    virtual void publish(const TraceEvent& event) = 0;
};

}  // namespace raftbus
