// damage: how storage tells an operator that a file is not what was written.
//
// Owns: the wording. It names the file, the place, what is wrong, and what is safe to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/result.hpp"

namespace raftbus {

struct Damage {
    std::string file;  // empty: no single one
    std::uint64_t offset = 0;
    std::string what;
    bool operator==(const Damage&) const = default;
};

// "seg-0000000000000001, offset 4096: <what>. <what to do>"
std::string damage_text(std::string_view file, std::uint64_t offset, std::string_view what);

inline Error damage(std::string_view file, std::uint64_t offset, std::string_view what) {
    return Error{damage_text(file, offset, what)};
}

// Undoes damage_text; a text that is none of it is taken as a whole.
Damage damage_from(std::string_view text);

}  // namespace raftbus
