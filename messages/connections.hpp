// connections: what the bus tells the actors of its node of those who are connected with it. A part
// of local.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "messages/bytes.hpp"
#include "messages/fields.hpp"
#include "messages/types.hpp"

namespace raftbus {

// ---- clients' connections

// What one client has taken of its replies.
struct TakenReplies {
    SharedBytes client;       // its connection: the first frame of its routes, packed
    std::uint64_t bytes = 0;  // since the last time
    RAFTBUS_FIELDS(TakenReplies, client, bytes);
};
// bus -> gateway: so much of long replies has left this process.
struct RepliesTaken {
    std::vector<TakenReplies> clients;
    RAFTBUS_FIELDS(RepliesTaken, clients);
};
// bus -> gateway: how many clients are connected, and how many were refused since the start.
struct ClientsConnected {
    std::uint64_t connected = 0;
    std::uint64_t refused = 0;
    RAFTBUS_FIELDS(ClientsConnected, connected, refused);
};

// ---- versions

// bus -> replicator, gateway: the wire versions that a peer speaks, and the cluster that it belongs
// to for certain, as it says itself.
struct PeerSpeaks {
    NodeId peer;
    std::uint32_t oldest = 1;
    std::uint32_t newest = 1;
    std::uint64_t cluster = 0;  // 0: to none
    RAFTBUS_FIELDS(PeerSpeaks, peer, oldest, newest, cluster);
};

}  // namespace raftbus
