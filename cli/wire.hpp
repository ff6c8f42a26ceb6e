// wire: requests and replies as msgpack, by docs/protocol.md alone.
//
// Owns: the client's side of the encoding; nothing of it is shared with the node's.
#pragma once

#include <string>
#include <string_view>

#include "cli/value.hpp"
#include "messages/result.hpp"

namespace raftbus::cli {

// Text becomes `str`, a Blob `bin`.
std::string pack(const Value& value);

// Undoes pack. Takes any bytes; depth and sizes are bounded by the bytes that are there.
Result<Value> unpack(std::string_view bytes);

}  // namespace raftbus::cli
