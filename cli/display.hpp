// display: how bytes that may be anything appear to a person.
//
// Owns: UTF-8 validity, escaping, width in columns. Must not know: what the bytes mean.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace raftbus::cli {

// True if the bytes are UTF-8 without overlong forms and surrogates (RFC 3629).
bool is_utf8(std::string_view bytes);

// Printable UTF-8 stays; control characters, and bytes that are not UTF-8, become \xNN, and a
// backslash becomes two, so that the text can be undone.
std::string escaped(std::string_view bytes);

// The escaped bytes between double quotes: for messages.
std::string in_quotes(std::string_view bytes);

// Columns that the text takes on a terminal.
std::size_t width(std::string_view utf8);

// The text, filled with spaces on the right to `columns`; longer text is left alone.
std::string padded(std::string_view utf8, std::size_t columns);

// The text cut to `columns`, with "…" in the last one if something was cut.
std::string shortened(std::string_view utf8, std::size_t columns);

// "0.04" milliseconds.
std::string milliseconds_text(std::chrono::microseconds duration);

// "400 ms", "5 s"
std::string duration_text(std::chrono::microseconds duration);

}  // namespace raftbus::cli
