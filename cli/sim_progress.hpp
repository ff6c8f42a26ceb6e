// sim_progress: how far a search through seeds has come, in words.
#pragma once

#include <cstdint>
#include <string>

#include "cli/output.hpp"
#include "messages/types.hpp"

namespace raftbus::cli {

struct SeedTotals {
    std::uint64_t planned = 0;
    std::uint64_t played = 0;
    std::uint64_t failed = 0;
    std::uint64_t steps = 0;
    std::uint64_t messages = 0;
    std::uint64_t answered = 0;
    std::uint64_t committed = 0;
    Duration took{};  // virtual, of all together
    double wall_s = 0;
};

// "[####······]  40/100 seeds, 2 failed, 45.1 a second, 8,120 times as fast, 0:13 left"
std::string progress_line(const SeedTotals& totals, bool unicode);

// "0:07", "1:02:09"
std::string clock_text(double seconds);

}  // namespace raftbus::cli
