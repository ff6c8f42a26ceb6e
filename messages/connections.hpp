// connections: what the bus tells the actors of its node of those who are connected with it, and of
// its thread. A part of local.hpp.
#pragma once

#include <cstdint>
#include <string>
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

// ---- the thread

// bus -> gateway: the longest turn of the bus's thread so far. While one lasts nothing else of it
// happens, no heartbeat either.
struct LongestTurn {
    std::uint64_t took_us = 0;  // of processor time
    std::string what;           // "state machine, Apply"
    RAFTBUS_FIELDS(LongestTurn, took_us, what);
};

// ---- peers

// A member that this node has no working connection to, and what is known of the reason.
struct UnreachablePeer {
    NodeId peer;
    std::string why;  // "connection refused"
    RAFTBUS_FIELDS(UnreachablePeer, peer, why);
};
// bus -> gateway: all of them, whenever that has changed. One entry a member at most.
struct PeersUnreachable {
    std::vector<UnreachablePeer> peers;
    RAFTBUS_FIELDS(PeersUnreachable, peers);
};

// ---- versions

// bus -> replicator, gateway: the wire versions that a peer speaks, as it says itself.
struct PeerSpeaks {
    NodeId peer;
    std::uint32_t oldest = 1;
    std::uint32_t newest = 1;
    RAFTBUS_FIELDS(PeerSpeaks, peer, oldest, newest);
};

}  // namespace raftbus
