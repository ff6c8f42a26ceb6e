// types: the small vocabulary that every floor shares.
//
// Owns: names for nodes, terms, indexes, actors, addresses and moments.
// Must not know: anything above it.
//
// Numbers that must not be mixed are types of their own, so `term + index` does not compile. All of
// them stay below 2^53, because clients written in JavaScript have to send some of them back.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string_view>

namespace raftbus {

// A number that belongs to one family only. `Tag` tells the families apart.
template <class Tag, class Rep = std::uint64_t>
struct Strong {
    using rep = Rep;
    Rep value = 0;

    constexpr Strong() = default;
    constexpr explicit Strong(Rep v) : value(v) {}
    constexpr auto operator<=>(const Strong&) const = default;
    // False for 0, which means "none" in every family.
    constexpr explicit operator bool() const { return value != 0; }
    constexpr Strong next() const { return Strong(value + 1); }
};

using NodeId = Strong<struct NodeTag, std::uint32_t>;  // 1..; 0: no node
using Term = Strong<struct TermTag>;                   // 1..; 0: before any election

// A position in the log, from 1; 0 is the position before the first entry.
struct LogIndex : Strong<struct LogIndexTag> {
    using Strong::Strong;
    constexpr auto operator<=>(const LogIndex&) const = default;
    constexpr LogIndex next() const { return LogIndex(value + 1); }
    // The index before this one; stays at 0.
    constexpr LogIndex previous() const { return LogIndex(value == 0 ? 0 : value - 1); }
    constexpr LogIndex operator+(std::uint64_t count) const { return LogIndex(value + count); }
    // How many entries lie between; 0 when `other` is not below.
    constexpr std::uint64_t distance_from(LogIndex other) const {
        return value > other.value ? value - other.value : 0;
    }
};

// Indexes, and all that clients compare, stay below it, for JavaScript's sake.
inline constexpr std::uint64_t kIndexEnd = std::uint64_t{1} << 53;

// Which entry: two logs that hold the same EntryId are equal up to it (Raft §5.3, log matching).
struct EntryId {
    LogIndex index;
    Term term;
    constexpr bool operator==(const EntryId&) const = default;
    // Raft §5.4.1: a later last term wins; with equal terms the longer log does.
    constexpr bool at_least_as_up_to_date_as(const EntryId& other) const {
        return term != other.term ? term > other.term : index >= other.index;
    }
};

// Numbers of requests between actors. None is ever used twice in the life of a process.
using StorageRequest = Strong<struct StorageRequestTag>;  // a write or read asked of storage
using ProposalNumber = Strong<struct ProposalTag>;        // a gateway's proposal, unique per origin
// A gateway has at most so many proposals outstanding, so that a leader can remember them all.
inline constexpr std::size_t kProposalsOutstandingMax = 512;
using ReadNumber = Strong<struct ReadTag>;                // a gateway's read, or group of reads
using Round = Strong<struct RoundTag>;                    // a leader's round of heartbeats
using ChangeNumber = Strong<struct ChangeTag>;            // a gateway's change of the membership
using WatchNumber = Strong<struct WatchTag>;              // a gateway's watch

// The actors of a node, and the two ends of it that are not actors but have an address all the
// same.
enum class ActorName : std::uint8_t {
    election,
    replicator,
    storage,
    state_machine,
    gateway,
    bus,  // the sockets and the process: peers' connections, clients' frames, orderly stop
};
inline constexpr std::size_t kActorCount = 6;

constexpr std::string_view to_string(ActorName actor) {
    constexpr std::string_view names[kActorCount] = {"election",      "replicator", "storage",
                                                     "state_machine", "gateway",    "bus"};
    return names[static_cast<std::size_t>(actor)];
}

// Who: an actor of a node. Sending to a remote one reads as sending to a neighbour.
struct Address {
    NodeId node;
    ActorName actor = ActorName::bus;
    constexpr auto operator<=>(const Address&) const = default;
};

// Which client request a message serves, for tracing. `number` is unique in the cluster's life with
// high probability: its upper bits are drawn when the process starts.
struct RequestId {
    NodeId node;  // whose gateway took it; 0: none
    std::uint64_t number = 0;
    constexpr auto operator<=>(const RequestId&) const = default;
    constexpr explicit operator bool() const { return bool(node); }
};

// Durations and moments inside a node: microseconds since some point that never moves.
using Duration = std::chrono::microseconds;
struct SteadyClock {  // a name for the type only: moments come from Context::now()
    using duration = Duration;
    using rep = Duration::rep;
    using period = Duration::period;
    using time_point = std::chrono::time_point<SteadyClock>;
    static constexpr bool is_steady = true;
};
using Moment = SteadyClock::time_point;

// Microseconds since 1970: of a node's wall clock, or of the cluster, whose time is in the log.
// Never compared between nodes for safety.
using WallTime = Strong<struct WallTag, std::int64_t>;

}  // namespace raftbus
