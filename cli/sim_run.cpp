#include "cli/sim_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include "cli/interrupt.hpp"
#include "cli/json.hpp"
#include "cli/sim_failure.hpp"
#include "cli/sim_listener.hpp"
#include "cli/sim_picture.hpp"
#include "cli/sim_replay.hpp"
#include "cli/sim_screen.hpp"
#include "cli/sim_summary.hpp"
#include "cli/trace_diagram.hpp"
#include "cli/trace_draw.hpp"
#include "cli/trace_filter.hpp"
#include "sim/shrink.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kNewsShown = 6;
constexpr std::size_t kTriesMax = 200;    // to make a failure smaller
constexpr auto kFrame = 50ms;             // between two pictures
constexpr Duration kSlice = 100ms;        // of virtual time, between two looks at the clock
constexpr Duration kFrameSliceMax = 10s;  // a picture at least every so much virtual time

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

Colour colour_of_row(const std::string& row) {
    if (row.find(" leader") != std::string::npos) return Colour::green;
    if (row.find(" down") != std::string::npos || row.find(" refuses") != std::string::npos)
        return Colour::red;
    return Colour::none;
}

class SingleRun {
public:
    SingleRun(Session& session, const SimSettings& settings)
        : session_(session),
          output_(session.output),
          settings_(settings),
          filter_(TraceFilter::from(session.options)),
          simulation_(listened()) {}

    Exit run() {
        watch_interrupts(true);
        if (drawn()) draw();
        while (!simulation_.done() && interrupt_pending() == 0) advance_a_frame();
        if (drawn()) draw();
        print_diagram();
        const SimReport report = report_of(simulation_, seconds_since(start_));
        print(report);
        if (!report.done) throw_if_interrupted();
        return exit_of(report.result.ending);
    }

private:
    bool as_text() const { return output_.format == Format::text; }
    // A picture that is drawn again and again.
    bool drawn() const {
        return output_.out_terminal && as_text() && !settings_.verbose && !settings_.trace;
    }

    sim::RunOptions listened() {
        if (drawn() || settings_.verbose)
            listener_.news = [this](const SimNews& news) { on_news(news); };
        if (settings_.trace)
            listener_.messages = [this](const TraceEvent& event) { on_message(event); };
        sim::RunOptions run = settings_.run;
        run.watcher = &listener_;
        return run;
    }

    void on_news(const SimNews& news) {
        if (settings_.verbose) {
            words() << news_line(news) << '\n';
        } else if (!news.detail) {
            news_.push_back(news);
            if (news_.size() > kNewsShown) news_.pop_front();
        }
    }

    void on_message(const TraceEvent& event) {
        if (!filter_.wants(event)) return;
        if (settings_.view == TraceView::diagram)
            for_diagram_.push_back(event);
        else if (output_.format == Format::json)
            output_.out << to_json(event_record(event)) << '\n';
        else
            output_.out << event_line(output_, event, message_time(event)) << '\n';
    }

    // As far as the speed allows for; without one, until the next picture is due.
    void advance_a_frame() {
        const Clock::time_point next = Clock::now() + kFrame;
        const Duration frame_end = simulation_.elapsed() + kFrameSliceMax;
        const auto goal = [&] {
            if (settings_.speed == 0) return frame_end;
            const double due = seconds_since(start_) * settings_.speed * 1e6;
            return std::min(frame_end, Duration(static_cast<std::int64_t>(due)));
        };
        while (!simulation_.done() && simulation_.elapsed() < goal() && Clock::now() < next)
            simulation_.advance(std::min(kSlice, goal() - simulation_.elapsed() + 1us));
        if (drawn()) draw();
        output_.out.flush();
        if (settings_.speed != 0) std::this_thread::sleep_until(next);
    }

    void draw() {
        std::vector<std::string> lines;
        lines.push_back(
            output_.painted(fmt::format("seed {}   {} s   {}   {} messages", settings_.run.seed,
                                        seconds_text(simulation_.elapsed()),
                                        speed_text(simulation_.elapsed(), seconds_since(start_)),
                                        grouped(simulation_.cluster().messages())),
                            Colour::bold));
        for (const std::string& line :
             split(aligned(picture_of(simulation_.cluster(), output_.unicode)), '\n'))
            lines.push_back(output_.painted(line, colour_of_row(line)));
        for (const SimNews& news : news_)
            lines.push_back(output_.painted(news_line(news), Colour::dim));
        screen_.draw(lines);
    }

    void print_diagram() const {
        if (settings_.trace && settings_.view == TraceView::diagram)
            output_.out << draw_diagram(output_, for_diagram_, message_time);
    }

    void print(const SimReport& report) {
        Value::Map record = summary_record(report);
        if (report.done && report.result.failed()) {
            print_failure(report);
            if (const auto smaller = make_smaller(report)) {
                record.emplace_back("smaller", replay_command(*smaller));
                words() << "The same, smaller: " << replay_command(*smaller) << '\n';
            }
        }
        std::string text = summary_text(output_, report);
        text.pop_back();
        print_record(output_, record, text);
    }

    // Where people read: with JSON it stands beside the record.
    std::ostream& words() const { return as_text() ? output_.out : output_.err; }

    void print_failure(const SimReport& report) const {
        words() << output_.painted(fmt::format("{} at {} s: {}", verdict_of(report),
                                               seconds_text(report.result.at), report.result.what),
                                   Colour::red)
                << '\n';
        if (!settings_.trace)
            words() << "The last messages before it:\n"
                    << last_messages(output_, session_.options, settings_, report);
        words() << "Play it again: " << replay_command(settings_.run) << '\n' << std::flush;
    }

    // None: nobody wants it, or nothing could be left out.
    std::optional<sim::RunOptions> make_smaller(const SimReport& report) const {
        if (!settings_.shrink) return std::nullopt;
        if (output_.out_terminal) output_.note("looking for a smaller run that fails alike …");
        const sim::Shrunk shrunk = sim::shrink(settings_.run, report.result, kTriesMax,
                                               [] { return interrupt_pending() == 0; });
        if (replay_command(shrunk.options) == replay_command(settings_.run)) return std::nullopt;
        return shrunk.options;
    }

    Session& session_;
    const Output& output_;
    const SimSettings& settings_;
    TraceFilter filter_;
    std::deque<SimNews> news_;
    std::vector<TraceEvent> for_diagram_;
    SimListener listener_;
    sim::Simulation simulation_;
    SimScreen screen_{output_.out};
    const Clock::time_point start_ = Clock::now();
};

}  // namespace

Exit play_seed(Session& session, const SimSettings& settings) {
    return SingleRun(session, settings).run();
}

}  // namespace raftbus::cli
