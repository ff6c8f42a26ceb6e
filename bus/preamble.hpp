// preamble: the first frame of everything that one node sends to another, and the answer to a
// sender who has no business here.
//
// Owns: both forms (msgpack arrays), and the words in which a refusal is told to an operator.
// Must not know: the messages behind it.
//
// | preamble field | meaning                                                             |
// | magic          | "raftbus"                                                           |
// | version        | the newest version that the sender knows                            |
// | cluster        | FNV-1a hash of the cluster's id                                     |
// | from           | the sending node                                                    |
// | incarnation    | drawn when its process started: two processes with one id differ    |
// | to             | the node that it means to reach                                     |
// | endpoint       | where the sender listens for peers                                  |
// | configured     | index of the configuration in force there; 0: the one at its start  |
// | oldest         | the oldest version that the sender knows; left out: the newest      |
// | formed         | the id, drawn when it was formed, of its cluster; left out or 0: it belongs |
// |                | to none for certain                                                 |
// | disk           | the id of its data directory; left out: it has none                 |
//
// In all versions these fields mean the same, and others are only appended.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/result.hpp"
#include "messages/types.hpp"
#include "messages/versions.hpp"

namespace raftbus {

struct Preamble {
    std::uint32_t version = 0;
    std::uint64_t cluster = 0;
    NodeId from;
    std::uint64_t incarnation = 0;
    NodeId to;
    std::string endpoint;
    LogIndex configured;
    std::uint32_t oldest = 0;  // 0: as the newest
    std::uint64_t formed = 0;
    std::uint64_t disk = 0;
    Versions versions() const { return {oldest ? oldest : version, version}; }
    bool operator==(const Preamble&) const = default;
};

std::uint64_t cluster_hash(std::string_view cluster);
std::string encode_preamble(const Preamble& preamble);
Result<Preamble> decode_preamble(std::string_view bytes);

// Why a peer's message is not taken.
enum class RefusalCause : std::uint8_t {
    wrong_version,
    wrong_cluster,
    wrong_receiver,     // meant for another node
    unknown_sender,     // not a member
    duplicate_id,       // another process speaks for the same node
    removed,            // a member once, and no more
    another_formation,  // of a cluster of the same name, formed another time
    another_disk,       // the member is known by another data directory
};
inline constexpr std::size_t kRefusalCauses = 8;

// Says so to the sender.
struct PeerRefusal {
    RefusalCause cause = RefusalCause::wrong_version;
    NodeId by;                  // the node that refuses
    std::uint32_t version = 0;  // the newest that it knows
    std::string cluster;        // its cluster's id
    LogIndex index;             // removed: of the configuration that says so
    std::uint32_t oldest = 0;   // that it knows; 0: as the newest
    std::uint32_t spoken = 1;   // by its cluster
    std::uint64_t formed = 0;   // its cluster's id; 0: none
    Versions versions() const { return {oldest ? oldest : version, version}; }
    bool operator==(const PeerRefusal&) const = default;
};

std::string encode_refusal(const PeerRefusal& refusal);
Result<PeerRefusal> decode_refusal(std::string_view bytes);

// For the log of the node that was refused: cause and next step.
std::string tell_refused(const PeerRefusal& refusal, NodeId self, std::string_view cluster,
                         NodeId peer, std::string_view endpoint, const Versions& own);
// For the log of the node that refuses, whose cluster speaks the version `spoken`.
std::string tell_refusing(RefusalCause cause, const Preamble& sender, NodeId self,
                          const Versions& own, std::uint32_t spoken);

}  // namespace raftbus
