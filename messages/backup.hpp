// backup: what gateway and state machine of one node say to each other of a backup.
//
// Owns: these two messages. None of it is taken from a peer.
#pragma once

#include <cstdint>
#include <variant>

#include "messages/bytes.hpp"
#include "messages/fields.hpp"
#include "messages/raft.hpp"
#include "messages/types.hpp"

namespace raftbus {

// gateway -> state machine: a piece of a backup of this node's state.
struct ReadBackup {
    std::uint64_t ask = 0;
    std::uint64_t backup = 0;  // which one; 0: begin one, of what is applied now
    std::uint64_t offset = 0;
    std::uint64_t bytes_max = 0;
    RAFTBUS_FIELDS(ReadBackup, ask, backup, offset, bytes_max);
};
struct BackupPiece {
    SnapshotName snapshot;     // its id is the backup's
    std::uint64_t digest = 0;  // of the state that it holds
    WallTime clock;            // of that state
    std::uint64_t offset = 0;
    std::uint32_t crc = 0;  // CRC32C of the bytes
    SharedBytes bytes;      // from `offset` on; fewer than asked for only at its end
    RAFTBUS_FIELDS(BackupPiece, snapshot, digest, clock, offset, crc, bytes);
};
enum class BackupFault : std::uint8_t {
    busy,     // another backup is being read
    gone,     // it is not here any more
    no_room,  // on the disk, for making it
    damaged,  // the state can not be read
};
struct NoBackup {
    BackupFault why = BackupFault::busy;
    RAFTBUS_FIELDS(NoBackup, why);
};
// state machine -> gateway
struct BackupRead {
    std::uint64_t ask = 0;  // echoed
    std::variant<BackupPiece, NoBackup> outcome;
    RAFTBUS_FIELDS(BackupRead, ask, outcome);
};

}  // namespace raftbus
