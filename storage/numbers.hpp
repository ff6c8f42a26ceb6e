// numbers: as bytes whose order is that of the numbers, for the names of records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace raftbus {

inline constexpr std::size_t kBigEndianBytes = 8;

inline void append_big_endian(std::string& out, std::uint64_t number) {
    for (std::size_t i = kBigEndianBytes; i-- > 0;) out += static_cast<char>(number >> (8 * i));
}
// Of the first kBigEndianBytes bytes, which are there.
inline std::uint64_t big_endian_at(std::string_view bytes) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < kBigEndianBytes; ++i)
        number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
    return number;
}

}  // namespace raftbus
