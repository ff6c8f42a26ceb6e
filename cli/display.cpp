#include "cli/display.hpp"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>

namespace raftbus::cli {
namespace {

// One character at the front of `bytes`: its length in bytes and its code point; length 0 if the
// bytes do not begin with well-formed UTF-8.
struct Character {
    std::size_t length = 0;
    char32_t code = 0;
};

Character first_character(std::string_view bytes) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (bytes.empty()) return {};
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {1, lead};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || bytes.size() < length) return {};
    char32_t code = lead & (0x7F >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3F);
    }
    const char32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < least || code > 0x10FFFF || surrogate) return {};
    return {length, code};
}

bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

std::size_t columns_of(char32_t code) {
    const int columns = wcwidth(static_cast<wchar_t>(code));
    return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

}  // namespace

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const Character c = first_character(bytes);
        if (c.length == 0) return false;
        bytes.remove_prefix(c.length);
    }
    return true;
}

std::string escaped(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        const Character c = first_character(bytes);
        const std::size_t length = std::max<std::size_t>(c.length, 1);
        if (c.length == 0 || is_control(c.code)) {
            for (std::size_t i = 0; i < length; ++i) {
                text += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[i]));
            }
        } else if (c.code == '\\') {
            text += "\\\\";
        } else {
            text += bytes.substr(0, length);
        }
        bytes.remove_prefix(length);
    }
    return text;
}

std::string in_quotes(std::string_view bytes) {
    return '"' + escaped(bytes) + '"';
}

std::size_t width(std::string_view utf8) {
    std::size_t columns = 0;
    while (!utf8.empty()) {
        const Character c = first_character(utf8);
        columns += c.length == 0 ? 1 : columns_of(c.code);
        utf8.remove_prefix(std::max<std::size_t>(c.length, 1));
    }
    return columns;
}

std::string padded(std::string_view utf8, std::size_t columns) {
    const std::size_t taken = width(utf8);
    std::string text(utf8);
    if (taken < columns) text.append(columns - taken, ' ');
    return text;
}

std::string shortened(std::string_view utf8, std::size_t columns) {
    if (width(utf8) <= columns) return std::string(utf8);
    std::string text;
    std::size_t taken = 0;
    while (!utf8.empty()) {
        const Character c = first_character(utf8);
        const std::size_t length = std::max<std::size_t>(c.length, 1);
        taken += c.length == 0 ? 1 : columns_of(c.code);
        if (taken + 1 > columns) break;
        text += utf8.substr(0, length);
        utf8.remove_prefix(length);
    }
    return text + "…";
}

std::string milliseconds_text(std::chrono::microseconds duration) {
    return fmt::format("{:.2f}", static_cast<double>(duration.count()) / 1000);
}

std::string duration_text(std::chrono::microseconds duration) {
    const auto us = duration.count();
    if (us >= 1'000'000) return fmt::format("{:g} s", static_cast<double>(us) / 1e6);
    if (us >= 1'000) return fmt::format("{:g} ms", static_cast<double>(us) / 1e3);
    return fmt::format("{} µs", us);
}

}  // namespace raftbus::cli
