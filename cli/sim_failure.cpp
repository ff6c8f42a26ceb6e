#include "cli/sim_failure.hpp"

#include <deque>

#include "cli/sim_listener.hpp"
#include "cli/trace_diagram.hpp"
#include "cli/trace_draw.hpp"
#include "cli/trace_filter.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kShown = 30;
constexpr Duration kTraced = 10s;  // before the failure: tracing a whole run takes long

}  // namespace

std::string last_messages(const Output& output, const Options& options, const SimSettings& settings,
                          const SimReport& failed) {
    TraceFilter filter = TraceFilter::from(options);
    std::deque<TraceEvent> last;
    const auto keep = [&](const TraceEvent& event) {
        const bool arrived = event.kind == TraceKind::handled;
        const bool between = event.node != event.other.node;
        if (!arrived || !filter.wants(event)) return;
        if (settings.view == TraceView::diagram && !between) return;
        last.push_back(event);
        if (last.size() > kShown) last.pop_front();
    };
    SimListener listener;
    sim::RunOptions run = settings.run;
    run.watcher = &listener;
    sim::Simulation simulation(run);
    if (failed.result.at > kTraced) simulation.advance(failed.result.at - kTraced);
    listener.messages = keep;
    while (!simulation.done()) simulation.advance(1s);
    const std::vector<TraceEvent> events(last.begin(), last.end());
    if (settings.view == TraceView::diagram) return draw_diagram(output, events, message_time);
    std::string text;
    for (const TraceEvent& event : events)
        text += event_line(output, event, message_time(event)) + "\n";
    return text;
}

}  // namespace raftbus::cli
