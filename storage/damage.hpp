// damage: how storage tells an operator that a file is not what was written.
//
// Owns: the wording. It names the file, the place, what is wrong, and what is safe to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/result.hpp"

namespace raftbus {

// "seg-0000000000000001, offset 4096: <what>. <what to do>"
std::string damage_text(std::string_view file, std::uint64_t offset, std::string_view what);

inline Error damage(std::string_view file, std::uint64_t offset, std::string_view what) {
    return Error{damage_text(file, offset, what)};
}

}  // namespace raftbus
