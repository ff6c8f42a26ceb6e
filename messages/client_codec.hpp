// client_codec: a client's frame as a request.
//
// Owns: which fields each op has, their types and limits, and the words that tell a client what is
// wrong. Costs no allocation for a request that is right, and memory that does not grow with one
// that is not. Must not know: what becomes of the request.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "messages/client.hpp"

namespace raftbus::client {

struct Limits {
    std::uint64_t key_bytes_max = 4 << 10;
    std::uint64_t value_bytes_max = 1 << 20;
    bool leases = false;  // the cluster runs with leader leases
};

struct Decoded {
    std::string_view id;  // the msgpack of the request's `id`, as it stands; empty: there is none
    std::variant<Request, Failure> outcome;
};

// Takes any bytes. The result points into `body`.
Decoded decode_request(std::string_view body, const Limits& limits);

// The parts of a request that was decoded under these limits; they point into it.
TxnParts read_txn(const Txn& txn, const Limits& limits);

// What to tell a client whose message had no empty frame, or no body after it.
Failure not_whole(ClientFault fault);

}  // namespace raftbus::client
