#include "cli/sim_progress.hpp"

#include <fmt/format.h>

#include "cli/sim_summary.hpp"

namespace raftbus::cli {
namespace {

constexpr std::uint64_t kBarColumns = 20;

std::string bar(const SeedTotals& totals, bool unicode) {
    const std::uint64_t full =
        totals.planned == 0 ? 0 : totals.played * kBarColumns / totals.planned;
    std::string text = "[";
    for (std::uint64_t column = 0; column < kBarColumns; ++column)
        text += column < full ? (unicode ? "█" : "#") : (unicode ? "·" : ".");
    return text + "]";
}

}  // namespace

std::string progress_line(const SeedTotals& totals, bool unicode) {
    const double rate = totals.wall_s > 0 ? static_cast<double>(totals.played) / totals.wall_s : 0;
    std::string text =
        fmt::format("{}  {}/{} seeds, {} failed, {:.1f} a second, {}", bar(totals, unicode),
                    grouped(totals.played), grouped(totals.planned), grouped(totals.failed), rate,
                    speed_text(totals.took, totals.wall_s));
    if (rate > 0)
        text += fmt::format(", {} left",
                            clock_text(static_cast<double>(totals.planned - totals.played) / rate));
    return text;
}

std::string clock_text(double seconds) {
    const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
    if (whole >= 3600)
        return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
    return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace raftbus::cli
