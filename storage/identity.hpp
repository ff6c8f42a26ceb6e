// identity: whose data directory this is.
//
// Owns: the file `identity`, text that a person can read, written once when a node first starts.
// Must not know: what the rest of the directory holds, except that segments are never without it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/local.hpp"
#include "messages/result.hpp"
#include "storage/disk.hpp"

namespace raftbus {

struct Identity {
    std::string cluster;  // the cluster's id
    NodeId node;          // this node
    std::vector<Member>
        members;  // as the node was first started with; their clients' endpoints are not kept
    bool joining = false;  // it has asked to be added, and never run
    // Its data was lost: it takes part from `rejoin_term` on alone, and neither votes nor campaigns
    // before its log reaches `rejoin_at`. 0: nothing was lost.
    LogIndex rejoin_at;
    Term rejoin_term;
    std::uint64_t disk = 0;  // the id of this directory, drawn when it was first used; 0: not yet
    bool operator==(const Identity&) const = default;
};

// None if the directory is new. An error if the file is damaged or of another format version, or if
// it is missing while there are log segments.
Result<std::optional<Identity>> load_identity(Disk& disk);

// Durable when it returns. False if there is no room on the disk. Names and endpoints hold no white
// space (CHECKed).
bool save_identity(Disk& disk, const Identity& identity);

// Takes it back. Only of a node that never ran.
void forget_identity(Disk& disk);

// For LogOptions::identity: of the cluster and the node.
std::uint64_t identity_hash(const Identity& identity);

}  // namespace raftbus
