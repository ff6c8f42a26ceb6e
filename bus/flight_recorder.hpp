// flight_recorder: what a worker did last, always on: a ring of fixed size, one cache line an
// event.
//
// Written by the worker's thread alone, without locks; read by any thread at any time. An event
// that is overwritten while it is being read is left out.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/catalog.hpp"

namespace raftbus {

enum class FlightKind : std::uint8_t { sent, handled, timer, job };

struct FlightEvent {
    Moment when;
    FlightKind kind = FlightKind::sent;
    ActorName actor = ActorName::bus;  // who sent or handled; of this node
    Address other;                     // to whom, or from whom
    std::uint32_t type = 0;            // a MessageType; of timers and jobs the id's low 24 bits
    Term term;                         // of the message
    std::uint64_t number = 0;          // of the message
    MessageId cause;                   // of a sent message
    std::uint64_t request = 0;         // the client request's number
};

// "12.345678 n1.replicator -> n2.replicator AppendEntries term=7 #1042"
std::string to_text(NodeId node, const FlightEvent& event);

class FlightRecorder {
public:
    static constexpr std::size_t kEvents = 4096;
    static_assert((kEvents & (kEvents - 1)) == 0);

    explicit FlightRecorder(NodeId node)
        : node_(node), slots_(std::make_unique<std::array<Slot, kEvents>>()) {}

    void record(const FlightEvent& event);
    NodeId node() const { return node_; }
    // Oldest first.
    std::vector<FlightEvent> recent() const;

private:
    static constexpr std::size_t kWords = 7;
    struct alignas(64) Slot {
        std::atomic<std::uint64_t> stamp{0};  // 2n+2: holds event n; odd: being written
        std::array<std::atomic<std::uint64_t>, kWords> words{};
    };
    static_assert(sizeof(Slot) == 64);
    std::optional<FlightEvent> read(std::uint64_t event) const;

    const NodeId node_;
    std::unique_ptr<std::array<Slot, kEvents>> slots_;
    std::atomic<std::uint64_t> count_{0};
};

}  // namespace raftbus
