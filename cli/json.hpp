// json: values as JSON, with one rule for bytes: a string when they are valid UTF-8, otherwise
// {"base64": "…"}, always.
#pragma once

#include <string>
#include <string_view>

#include "cli/value.hpp"
#include "messages/result.hpp"

namespace raftbus::cli {

// On one line.
std::string to_json(const Value& value);

// The reverse; whole numbers alone. The error says where the text is not JSON.
Result<Value> from_json(std::string_view text);

std::string base64(std::string_view bytes);

}  // namespace raftbus::cli
