// options: what can be set of the actors. Defaults are those of the `raftbus node` command.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/client_streams.hpp"
#include "messages/local.hpp"
#include "messages/types.hpp"
#include "messages/versions.hpp"
#include "storage/sessions.hpp"

namespace raftbus {

using namespace std::chrono_literals;

// For election and replicator.
struct RaftOptions {
    Versions versions = kVersions;  // that this node speaks
    std::vector<Member> members;  // in force until the log says otherwise; includes this node

    // The id of this node's data directory. 0: it has none, and nothing is asked of identities.
    std::uint64_t disk = 0;

    // Its data was lost and is being rebuilt by its peers: it neither votes nor campaigns before
    // its log reaches this. 0: nothing was lost.
    LogIndex rejoin_at;

    Duration heartbeat = 50ms;              // > 0; well below election_timeout_min
    Duration election_timeout_min = 300ms;  // a follower campaigns after a time drawn from
    Duration election_timeout_max =
        600ms;  //   [min, max]; a leader steps down after min without a majority
    std::optional<Duration>
        lease;                  // leader leases of this length, <= election_timeout_min; none: off
    bool fast_failover = true;  // campaign when the leader's connection breaks; not with leases
    // A leader makes room for a node of higher priority that has been well for some time.
    std::uint32_t priority = 0;
    Duration storage_stall = 2s;  // a storage request older than this: hand over, do not campaign

    std::uint64_t append_bytes_max =
        1 << 20;  // of batches in one AppendEntries; at least one batch goes
    std::uint64_t in_flight_bytes_max = 8 << 20;   // sent to one peer and not yet acknowledged
    std::uint64_t catch_up_bytes_max = 256 << 10;  // the same two, for a peer that is fed from disk
    std::uint64_t snapshot_piece_bytes = 256 << 10;  // of a snapshot, in one message
    std::uint64_t snapshot_in_flight_max = 4;        // pieces sent to one peer and not answered
    std::uint64_t snapshot_bytes_per_second = 128 << 20;  // to all peers together; > 0
    std::uint64_t tail_bytes_max = 32 << 20;       // of batches kept in memory for slow peers
    std::uint64_t uncommitted_bytes_max = 64 << 20;  // beyond it proposals are refused as busy
    std::uint64_t apply_bytes_max = 8 << 20;  // handed to the state machine and not yet applied
};

struct GatewayOptions {
    std::string cluster;  // the cluster's id, for STATUS
    std::string version;  // of the program
    Versions versions = kVersions;  // that this node speaks
    std::string client;   // this node's endpoint for clients, as others are told it
    std::string trace;    // this node's endpoint for traces; empty: none
    std::uint64_t incarnation =
        0;                // drawn when the process started; upper bits of request ids, < 2^16
    bool leases = false;  // consistency `lease` may be asked for
    std::uint64_t key_bytes_max = 4 << 10;
    std::uint64_t value_bytes_max = 1 << 20;
    std::uint64_t requests_max = 100'000;            // in flight, of all clients together
    std::uint64_t requests_per_client_max = 16'384;  // in flight, of one connection
    std::uint64_t bytes_max = 256 << 20;             // of requests in flight
    std::uint64_t unread_bytes_max = 256 << 20;      // of replies that clients have not taken yet
    std::uint64_t unread_bytes_per_client_max = 32 << 20;  // of one connection
    std::uint64_t batch_bytes_max = 1 << 20;  // of one batch's body; one command may exceed it
    std::uint64_t scan_items_max = 10'000;    // of one SCAN reply, whatever `limit` says
    std::uint64_t scan_bytes_max = 4 << 20;   // of one SCAN or LOG reply
    std::uint64_t session_life_ms = kSessionLifeMs;  // of sessions opened here, without use
    std::uint64_t watches_max = 10'000;
    std::uint64_t watches_per_client_max = 5'000;  // of one connection
    StreamLimits streams;                          // what waits for clients that watch
    Duration timeout_default = 5s;
    Duration timeout_max = 10min;
};

}  // namespace raftbus
