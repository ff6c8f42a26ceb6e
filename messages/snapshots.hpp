// snapshots: what replicator, state machine and storage of one node say to each other of snapshots
// and of the log that they make needless. A part of local.hpp.
#pragma once

#include <cstdint>

#include "messages/fields.hpp"
#include "messages/raft.hpp"
#include "messages/types.hpp"

namespace raftbus {

// ---- snapshots and compaction (Raft §7)

// gateway -> state machine: flush what is applied, so that the log can be cut.
struct TakeSnapshot {
    std::uint64_t ask = 0;  // from 1
    RAFTBUS_FIELDS(TakeSnapshot, ask);
};
// state machine -> replicator: everything up to `index` is durable in the state.
struct Flushed {
    LogIndex index;
    std::uint64_t ask = 0;  // of TakeSnapshot; 0: nobody asked
    RAFTBUS_FIELDS(Flushed, index, ask);
};
// replicator -> storage: forget what lies at or below `flushed`; for an `ask` all of it.
struct Compact {
    LogIndex flushed;
    std::uint64_t ask = 0;
    RAFTBUS_FIELDS(Compact, flushed, ask);
};
// storage -> replicator: the log begins after this entry.
struct Compacted {
    EntryId before_first;
    LogIndex flushed;  // echoed
    std::uint64_t ask = 0;
    RAFTBUS_FIELDS(Compacted, before_first, flushed, ask);
};
// replicator -> gateway: the state is flushed up to `index`, and the log is cut.
struct SnapshotTaken {
    std::uint64_t ask = 0;
    LogIndex index;
    RAFTBUS_FIELDS(SnapshotTaken, ask, index);
};

// replicator -> state machine: a piece of a snapshot for a peer.
struct ReadSnapshot {
    NodeId peer;
    LogIndex at_least;     // the snapshot has to cover this
    std::uint64_t id = 0;  // of the one that the peer is getting; 0: none yet
    std::uint64_t offset = 0;
    std::uint64_t bytes_max = 0;
    RAFTBUS_FIELDS(ReadSnapshot, peer, at_least, id, offset, bytes_max);
};
struct SnapshotRead {
    NodeId peer;            // echoed
    SnapshotName snapshot;  // another one than was asked for: begin anew
    std::uint64_t offset = 0;
    std::uint32_t crc = 0;
    SharedBytes bytes;  // from `offset` on
    RAFTBUS_FIELDS(SnapshotRead, peer, snapshot, offset, crc, bytes);
};
// replicator -> state machine: a piece has come in.
struct WriteSnapshot {
    SnapshotName snapshot;
    std::uint64_t offset = 0;
    std::uint32_t crc = 0;
    SharedBytes bytes;
    RAFTBUS_FIELDS(WriteSnapshot, snapshot, offset, crc, bytes);
};
struct SnapshotWritten {
    SnapshotName snapshot;
    std::uint64_t received = 0;
    RAFTBUS_FIELDS(SnapshotWritten, snapshot, received);
};
// replicator -> state machine: this snapshot, which is there as a whole, takes the state's place.
struct InstallState {
    SnapshotName snapshot;
    RAFTBUS_FIELDS(InstallState, snapshot);
};
// Done and durable; or it could not be used, and the state is as it was.
struct StateInstalled {
    SnapshotName snapshot;
    bool installed = false;
    LogIndex configured;        // where the last configuration that it covers stood; 0: none
    SharedBytes configuration;  // that one
    RAFTBUS_FIELDS(StateInstalled, snapshot, installed, configured, configuration);
};
// replicator -> storage: forget everything: the log goes on after this entry. Answered by Appended.
struct RestartLog {
    StorageRequest request;
    EntryId after;
    RAFTBUS_FIELDS(RestartLog, request, after);
};

}  // namespace raftbus
