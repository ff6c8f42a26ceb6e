#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kEvery = 100ms;
constexpr std::uint64_t kColumns = 20;

unsigned percent(std::uint64_t done, std::uint64_t all) {
    return all == 0 ? 100 : static_cast<unsigned>(std::min<std::uint64_t>(done * 100 / all, 100));
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
    constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) return fmt::format("{} {}", bytes, units[0]);
    auto size = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; size >= 1024 && unit + 1 < std::size(units); ++unit) size /= 1024;
    return fmt::format("{:.1f} {}", size, units[unit]);
}

std::string progress_bar(std::uint64_t done, std::uint64_t all, bool unicode) {
    const std::uint64_t full = percent(done, all) * kColumns / 100;
    std::string bar = "[";
    for (std::uint64_t column = 0; column < kColumns; ++column)
        bar += column < full ? (unicode ? "█" : "#") : (unicode ? "·" : ".");
    return bar + "]";
}

bool Progress::due(bool last) {
    if (!output_.err_terminal) return false;
    const auto now = Clock::now();
    if (!last && now - shown_at_ < kEvery) return false;
    shown_at_ = now;
    return true;
}

void Progress::bytes(std::string_view what, std::uint64_t done, std::uint64_t all) {
    if (due(done >= all))
        show(fmt::format("{} {} {:3} %  {} of {}", what, progress_bar(done, all, output_.unicode),
                         percent(done, all), bytes_text(done), bytes_text(all)));
}

void Progress::count(std::string_view what, std::uint64_t done, std::uint64_t all,
                     std::string_view unit) {
    if (due(done >= all))
        show(fmt::format("{} {} {:3} %  {} of {} {}", what,
                         progress_bar(done, all, output_.unicode), percent(done, all), done, all,
                         unit));
}

void Progress::show(const std::string& line) {
    output_.err << "\r" << line << "\x1b[K" << std::flush;
    shown_ = true;
}

void Progress::clear() {
    if (shown_) output_.err << "\r\x1b[K" << std::flush;
    shown_ = false;
}

}  // namespace raftbus::cli
