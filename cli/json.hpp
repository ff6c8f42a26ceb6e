// json: values as JSON, with one rule for bytes: a string when they are valid UTF-8, otherwise
// {"base64": "…"}, always.
#pragma once

#include <string>
#include <string_view>

#include "cli/value.hpp"

namespace raftbus::cli {

// On one line.
std::string to_json(const Value& value);

std::string base64(std::string_view bytes);

}  // namespace raftbus::cli
