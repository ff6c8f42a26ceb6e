#include "cli/sim_listener.hpp"

#include <fmt/format.h>

#include "sim/schedule.hpp"

namespace raftbus::cli {
namespace {

Duration since_beginning(Moment at) {
    return at - sim::Schedule::kBeginning;
}

double seconds(Duration time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

// Everybody says whom he follows; that somebody leads is said once.
void SimListener::on_log(Moment at, Address from, LogLevel level, std::string_view text) {
    if (!news || level == LogLevel::debug) return;
    const bool detail = level == LogLevel::info && !text.starts_with("leader ");
    news({since_beginning(at), fmt::format("n{} {}", from.node.value, text), detail});
}

void SimListener::on_event(Moment at, std::string_view text) {
    if (news) news({since_beginning(at), std::string(text), false});
}

Duration time_of(const TraceEvent& event) {
    return since_beginning(Moment(Duration(event.steady_us)));
}

std::string seconds_text(Duration time) {
    return fmt::format("{:.3f}", seconds(time));
}

std::string message_time(const TraceEvent& event) {
    return fmt::format("{:11.6f}", seconds(time_of(event)));
}

std::string news_line(const SimNews& news) {
    return fmt::format("{:>9}  {}", seconds_text(news.at), news.text);
}

}  // namespace raftbus::cli
