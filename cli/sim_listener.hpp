// sim_listener: what a simulation tells while it runs, in words and in trace events.
//
// Owns: which news matter. Must not know: where they are shown.
#pragma once

#include <functional>
#include <string>

#include "sim/world.hpp"

namespace raftbus::cli {

struct SimNews {
    Duration at{};  // since the run's beginning
    std::string text;
    bool detail = false;  // of interest only to who wants to see everything
};

class SimListener final : public sim::Watcher {
public:
    std::function<void(const SimNews&)> news;         // none: nobody listens
    std::function<void(const TraceEvent&)> messages;  // none: actors do not trace

    bool traces() const override { return messages != nullptr; }
    void on_trace(const TraceEvent& event) override { messages(event); }
    void on_log(Moment at, Address from, LogLevel level, std::string_view text) override;
    void on_event(Moment at, std::string_view text) override;
};

// Since the run's beginning.
Duration time_of(const TraceEvent& event);

// "12.345": seconds.
std::string seconds_text(Duration time);
// "12.345678", aligned to the right: for the front of a line about a message.
std::string message_time(const TraceEvent& event);
// "   12.345  n2 is killed"
std::string news_line(const SimNews& news);

}  // namespace raftbus::cli
