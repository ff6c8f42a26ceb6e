// crc32c: the Castagnoli checksum that guards every record and every batch (RFC 3720 §B.4).
#pragma once

#include <cstdint>
#include <string_view>

namespace raftbus {

// The checksum of `bytes`. With `seed` set to the checksum of what came before, that of both
// together: crc32c(b, crc32c(a)) == crc32c(a + b). Uses SSE 4.2 where the processor has it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

// The table-driven form, for processors without the instruction and for the test that compares
// them.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace raftbus
