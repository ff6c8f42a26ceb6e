// progress: how far something long has come, on one line of a terminal's stderr.
//
// Owns: the line, which goes with the object. Nothing is shown where nobody looks on.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/output.hpp"

namespace raftbus::cli {

class Progress {
public:
    // `output` outlives it.
    explicit Progress(const Output& output) : output_(output) {}
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // "what [####······]  40 %  400 of 1000 unit"; of bytes, in their own words.
    void bytes(std::string_view what, std::uint64_t done, std::uint64_t all);
    void count(std::string_view what, std::uint64_t done, std::uint64_t all, std::string_view unit);
    void clear();

private:
    using Clock = std::chrono::steady_clock;
    bool due(bool last);
    void show(const std::string& line);

    const Output& output_;
    Clock::time_point shown_at_{};
    bool shown_ = false;
};

// "12.3 MiB"
std::string bytes_text(std::uint64_t bytes);
// "[####······]"
std::string progress_bar(std::uint64_t done, std::uint64_t all, bool unicode);

}  // namespace raftbus::cli
