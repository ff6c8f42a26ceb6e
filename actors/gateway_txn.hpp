// gateway_txn: a client's TXN as the transaction that goes into the log.
//
// Owns: the limits that a gateway gives it. Must not know: how it is executed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/options.hpp"
#include "messages/client.hpp"

namespace raftbus {

// As the value of a command.
std::string pack_transaction(const client::TxnParts& txn, const GatewayOptions& options);

// The smallest key above all that begin with `prefix`; none if there is no such key.
std::optional<std::string> end_of(std::string_view prefix);

}  // namespace raftbus
