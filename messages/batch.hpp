// batch: the unit of replication. A gateway packs the commands that wait into one body; the leader
// puts a header before it; from then on the same bytes are stored, sent and applied (Raft's "entry"
// is one command, but a batch is stored whole or not at all, so logs can part only at its edges).
//
// Owns: the header's fields and the arithmetic of indexes. Must not know: what the body says.
#pragma once

#include <cstdint>
#include <vector>

#include "messages/bytes.hpp"
#include "messages/fields.hpp"
#include "messages/types.hpp"

namespace raftbus {

enum class BatchKind : std::uint8_t {
    commands,  // the body holds `count` commands (storage/command.hpp)
    no_op,     // a new leader's first entry (Raft §8); empty body, count 1
    config,    // the body is a configuration (messages/membership.hpp), count 1
    tick,      // carries its time forward and nothing else; empty body. Count 1, or, from version 2
               // on, any: a gap in the revisions, which nothing ever gets
};

struct BatchHeader {
    BatchKind kind = BatchKind::commands;
    LogIndex first;  // index of the first command
    std::uint64_t count =
        0;          // commands in the body, from 1; they take the indexes [first, first + count)
    Term term;      // of the leader that made the batch; the same for all its commands
    NodeId leader;  // that leader
    WallTime
        time;  // of the cluster when it was made (actors/cluster_time.hpp); never falls in a log
    NodeId origin;               // whose gateway packed the body and answers the clients
    ProposalNumber proposal;     // the origin's number for it
    std::uint32_t body_crc = 0;  // CRC32C of the body, computed by the origin's gateway
    RAFTBUS_FIELDS(BatchHeader, kind, first, count, term, leader, time, origin, proposal, body_crc);

    LogIndex last() const { return LogIndex(first.value + count - 1); }
    LogIndex end() const { return first + count; }
};

struct Batch {
    BatchHeader header;
    SharedBytes body;
    RAFTBUS_FIELDS(Batch, header, body);

    EntryId last() const { return {header.last(), header.term}; }
    // What the batch costs in memory, on the wire and in the log, roughly.
    std::size_t bytes() const { return body.size() + 64; }
};

// True if the batches follow each other without a gap from `first` on and their terms never fall.
bool contiguous(const std::vector<Batch>& batches, LogIndex first);

// True if the header makes sense by itself and the body is the one that the origin packed.
bool intact(const Batch& batch);

}  // namespace raftbus
