// random: a seeded generator (xoshiro256**) with its own bounded draw, so that a seed means the
// same numbers with every standard library. Drawn from in bus/ and sim/ alone; actors ask their
// Context.
#pragma once

#include <array>
#include <cstdint>

#include "messages/check.hpp"

namespace raftbus {

// Mixes a counter into a well spread number; also how one seed becomes many.
constexpr std::uint64_t splitmix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

class Random {
public:
    explicit Random(std::uint64_t seed) {
        for (std::uint64_t& word : state_) word = seed = splitmix(seed);
    }

    std::uint64_t next() {
        const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate(state_[3], 45);
        return result;
    }

    // Uniform in [0, bound), bound >= 1, without a modulo's bias (Lemire 2019).
    std::uint64_t below(std::uint64_t bound) {
        CHECK(bound >= 1);
        __extension__ using Wide = unsigned __int128;
        Wide product = Wide(next()) * bound;
        if (std::uint64_t(product) < bound) {
            const std::uint64_t unfair = -bound % bound;
            while (std::uint64_t(product) < unfair) product = Wide(next()) * bound;
        }
        return std::uint64_t(product >> 64);
    }

private:
    static constexpr std::uint64_t rotate(std::uint64_t x, int by) {
        return (x << by) | (x >> (64 - by));
    }
    std::array<std::uint64_t, 4> state_{};
};

}  // namespace raftbus
