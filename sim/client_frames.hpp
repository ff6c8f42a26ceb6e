// client_frames: requests and replies of simulated clients as bytes, after docs/protocol.md.
//
// Owns: the client's side of the encoding, as far as simulated clients need it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/client.hpp"
#include "sim/history.hpp"

namespace raftbus::sim {

// What a client may ask beside reads and writes of a key.
struct ScanAll {};
struct NoOperation {};
struct AskStatus {};
struct AskLog {
    std::uint64_t from = 0;
};
struct AskHeartbeat {};
struct AskElection {
    NodeId node;
};
// ADD with made-up endpoints, REMOVE, PROMOTE, DEMOTE.
struct AskToAdd {
    NodeId node;
    bool learner = false;
};
struct AskToRemove {
    NodeId node;
};
struct AskToPromote {
    NodeId node;
};
struct AskToDemote {
    NodeId node;
};
struct AskSession {};
// Reads the two keys that transactions set together, at once.
struct AskPair {};
// Every change of the key, or of all with that prefix.
struct AskWatch {
    bool prefix = false;
    std::uint64_t from = 0;  // 0: from now on
    std::uint64_t progress_ms = 1'000;
};
using Ask = std::variant<Get, Set, Erase, ScanAll, NoOperation, AskStatus, AskLog, AskHeartbeat,
                         AskElection, AskToAdd, AskToRemove, AskToPromote, AskToDemote, AskSession,
                         AskPair, AskWatch>;
// The endpoints that AskToAdd names.
Member simulated_member(NodeId node, bool voter);

enum class Reading : std::uint8_t { linearizable, lease, local };

// How a write is asked for.
struct Manner {
    std::optional<client::SessionUse> session;
    std::uint64_t ttl_ms = 0;     // Set alone, also in a transaction; 0: none
    bool as_transaction = false;  // Set alone: it sets the pair's keys to its value, too
};
inline constexpr std::string_view kPair[] = {"pair/0", "pair/1"};

// `key` belongs to Get, Set and Erase, `reading` to Get and ScanAll.
std::string pack_request(std::uint64_t id, const Ask& ask, std::string_view key, Reading reading,
                         Duration timeout, const Manner& manner = {});

struct ReplyItem {
    std::string key;
    std::string value;
    std::uint64_t revision = 0;
};
// The fields of a reply, as far as they are there.
struct ReplyFields {
    std::uint64_t id = 0;
    bool ok = false;
    std::string error;
    std::string message;
    std::uint64_t revision = 0;
    bool found = false;
    std::string value;
    std::vector<ReplyItem> items;
    bool member = false;
    std::uint64_t session = 0;
    bool succeeded = false;            // a transaction
    std::vector<ReplyFields> results;  // its
    // A watch.
    bool watching = false;
    bool progress = false;
    bool more = false;
    std::string event;
    std::string key;
    std::uint64_t first = 0;
};
// None if it is not a reply.
std::optional<ReplyFields> unpack_reply(std::string_view body);

}  // namespace raftbus::sim
