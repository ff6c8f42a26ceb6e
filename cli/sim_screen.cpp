#include "cli/sim_screen.hpp"

#include <fmt/format.h>

namespace raftbus::cli {
namespace {

constexpr std::string_view kNoWrap = "\x1b[?7l";
constexpr std::string_view kWrap = "\x1b[?7h";
constexpr std::string_view kEraseLine = "\x1b[K";
constexpr std::string_view kEraseBelow = "\x1b[J";

std::string up(std::size_t lines) {
    return lines == 0 ? std::string{} : fmt::format("\x1b[{}A", lines);
}

}  // namespace

void SimScreen::draw(const std::vector<std::string>& lines) {
    std::string frame = up(drawn_);
    frame += kNoWrap;
    for (const std::string& line : lines) frame += fmt::format("{}{}\n", line, kEraseLine);
    frame += kEraseBelow;
    frame += kWrap;
    out_ << frame << std::flush;
    drawn_ = lines.size();
}

void SimScreen::clear() {
    if (drawn_ > 0) out_ << up(drawn_) << kEraseBelow << std::flush;
    drawn_ = 0;
}

}  // namespace raftbus::cli
