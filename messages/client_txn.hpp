// client_txn: a client's TXN: lists of maps inside the request's map.
//
// Owns: the walk over the three lists, what a condition says, and the limit on their number. Must
// not know: what fields an op has, which whoever calls reads.
#pragma once

#include <functional>
#include <string_view>

#include "messages/client_codec.hpp"
#include "messages/client_fields.hpp"

namespace raftbus::client {

// Reads one step from its map and the fields found in it; what is wrong stands in their failure().
using ReadTxnStep = std::function<std::optional<Operation>(std::string_view map, Fields& fields)>;

// `body` is the request's map. What is wrong becomes the failure of `fields`, with its place:
// "then[2]: field 'key' must not be empty". The result points into `body`.
TxnParts decode_txn(std::string_view body, Fields& fields, const Limits& limits,
                    const ReadTxnStep& read_step);

}  // namespace raftbus::client
