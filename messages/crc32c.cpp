#include "messages/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace raftbus {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t c = i;
        for (int bit = 0; bit < 8; ++bit) c = (c & 1) ? kPolynomial ^ (c >> 1) : c >> 1;
        table[i] = c;
    }
    return table;
}
constexpr auto kTable = make_table();

#if defined(__x86_64__)
// The instruction takes three cycles and one can be begun in each: so three strides are taken side
// by side, and put together as if the first had been followed by zeros.
constexpr std::size_t kStride = 512;

// The remainder when a stride of zeros follows. It is linear: four tables, of a remainder's bytes.
class BehindStride {
public:
    BehindStride() {
        for (std::uint32_t byte = 0; byte < 4; ++byte) {
            for (std::uint32_t bit = 0; bit < 8; ++bit) {
                std::uint32_t crc = 1U << (8 * byte + bit);
                for (std::size_t i = 0; i < kStride; ++i) crc = kTable[crc & 0xff] ^ (crc >> 8);
                tables_[byte][1U << bit] = crc;
            }
            for (std::uint32_t i = 1; i < 256; ++i)
                tables_[byte][i] = tables_[byte][i & (i - 1)] ^ tables_[byte][i & (~i + 1)];
        }
    }
    std::uint32_t operator()(std::uint64_t crc) const {
        return tables_[0][crc & 0xff] ^ tables_[1][crc >> 8 & 0xff] ^ tables_[2][crc >> 16 & 0xff] ^
               tables_[3][crc >> 24 & 0xff];
    }

private:
    std::array<std::array<std::uint32_t, 256>, 4> tables_{};
};

std::uint64_t word_at(const char* p) {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    return word;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::string_view bytes,
                                                             std::uint32_t seed) {
    std::uint64_t crc = ~seed & 0xffffffffU;
    const char* p = bytes.data();
    std::size_t left = bytes.size();
    if (left >= 3 * kStride) {
        static const BehindStride behind_stride;
        for (; left >= 3 * kStride; p += 3 * kStride, left -= 3 * kStride) {
            std::uint64_t second = 0, third = 0;
            for (std::size_t at = 0; at < kStride; at += 8) {
                crc = _mm_crc32_u64(crc, word_at(p + at));
                second = _mm_crc32_u64(second, word_at(p + kStride + at));
                third = _mm_crc32_u64(third, word_at(p + 2 * kStride + at));
            }
            crc = behind_stride(behind_stride(crc) ^ second) ^ third;
        }
    }
    for (; left >= 8; p += 8, left -= 8) crc = _mm_crc32_u64(crc, word_at(p));
    auto narrow = static_cast<std::uint32_t>(crc);
    for (; left > 0; ++p, --left) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*p));
    return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t seed) {
    std::uint32_t crc = ~seed;
    for (char c : bytes) crc = kTable[(crc ^ static_cast<std::uint8_t>(c)) & 0xff] ^ (crc >> 8);
    return ~crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
#if defined(__x86_64__)
    static const bool has_sse42 = __builtin_cpu_supports("sse4.2");
    if (has_sse42) return crc32c_sse42(bytes, seed);
#endif
    return crc32c_portable(bytes, seed);
}

}  // namespace raftbus
