#include "cli/sim_seeds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "cli/interrupt.hpp"
#include "cli/sim_listener.hpp"
#include "cli/sim_progress.hpp"
#include "cli/sim_replay.hpp"
#include "cli/sim_screen.hpp"
#include "cli/sim_summary.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kBarEvery = 100ms;
constexpr auto kLineEvery = 10s;  // where there is no terminal
constexpr Duration kSlice = 1s;   // of virtual time, until a thread looks whether to stop

// Threads that take seed after seed.
class SeedWorkers {
public:
    explicit SeedWorkers(const SimSettings& settings)
        : settings_(settings), next_(settings.seeds->first) {
        for (unsigned i = 0; i < settings.jobs; ++i) threads_.emplace_back([this] { work(); });
    }
    ~SeedWorkers() {
        stop_ = true;
        for (std::thread& thread : threads_) thread.join();
    }

    // What was played since the last call. Waits up to `patience` for something. None: all threads
    // have ended, and everything was taken.
    std::optional<std::deque<SimReport>> take(Clock::duration patience) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return !reports_.empty() || all_ended(); });
        if (reports_.empty() && all_ended()) return std::nullopt;
        return std::exchange(reports_, {});
    }
    // No other seed is begun, and those that are being played are left.
    void stop() { stop_ = true; }

private:
    bool all_ended() const { return ended_ == threads_.size(); }

    std::optional<std::uint64_t> take_seed() {
        const std::lock_guard lock(mutex_);
        if (stop_ || exhausted_) return std::nullopt;
        exhausted_ = next_ == settings_.seeds->last;
        return next_++;
    }

    void work() {
        while (const auto seed = take_seed())
            if (auto report = play(*seed)) put(std::move(*report));
        const std::lock_guard lock(mutex_);
        ++ended_;
        changed_.notify_one();
    }

    void put(SimReport report) {
        const std::lock_guard lock(mutex_);
        if (report.result.failed() && settings_.stop_on_failure) stop_ = true;
        reports_.push_back(std::move(report));
        changed_.notify_one();
    }

    std::optional<SimReport> play(std::uint64_t seed) const {
        sim::RunOptions run = settings_.run;
        run.seed = seed;
        try {
            return play(run);
        } catch (const std::exception& error) {  // before the first step
            SimReport report;
            report.asked = run;
            report.done = true;
            report.result.ending = sim::Ending::crashed;
            report.result.what = error.what();
            return report;
        }
    }

    // None: stopped before its end.
    std::optional<SimReport> play(const sim::RunOptions& run) const {
        const auto start = Clock::now();
        sim::Simulation simulation(run);
        while (!simulation.done()) {
            if (stop_) return std::nullopt;
            simulation.advance(kSlice);
        }
        return report_of(simulation, std::chrono::duration<double>(Clock::now() - start).count());
    }

    const SimSettings& settings_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<SimReport> reports_;
    std::uint64_t next_;
    bool exhausted_ = false;
    std::size_t ended_ = 0;
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

class SeedSearch {
public:
    SeedSearch(Session& session, const SimSettings& settings)
        : output_(session.output),
          settings_(settings),
          bar_(session.output.err),
          barred_(session.output.out_terminal) {
        totals_.planned = settings.seeds->last - settings.seeds->first + 1;
    }

    Exit run() {
        watch_interrupts(true);
        {
            SeedWorkers workers(settings_);
            while (const auto reports = workers.take(kBarEvery)) {
                for (const SimReport& report : *reports) count(report);
                totals_.wall_s = wall_s();
                show_progress();
                if (interrupt_pending() != 0) workers.stop();
            }
        }
        totals_.wall_s = wall_s();
        bar_.clear();
        print_summary();
        if (worst_ == Exit::done) throw_if_interrupted();
        return worst_;
    }

private:
    double wall_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

    void count(const SimReport& report) {
        ++totals_.played;
        totals_.steps += report.result.steps;
        totals_.messages += report.result.messages;
        totals_.answered += report.result.answered;
        totals_.committed += report.result.committed;
        totals_.took += report.took;
        if (!report.result.failed()) return;
        ++totals_.failed;
        ++by_verdict_[report.result.ending];
        worst_ = graver(worst_, exit_of(report.result.ending));
        failures_.emplace_back(summary_record(report));
        print_failure(report);
    }

    // At once: a person who waits wants to know.
    void print_failure(const SimReport& report) {
        bar_.clear();
        sim::RunOptions run = report.asked;
        std::ostream& out = output_.format == Format::text ? output_.out : output_.err;
        out << fmt::format("seed {}: {} at {} s: {}\n  {}\n", run.seed,
                           output_.painted(verdict_of(report), Colour::red),
                           seconds_text(report.result.at), report.result.what, replay_command(run))
            << std::flush;
    }

    void show_progress() {
        if (Clock::now() < next_progress_) return;
        next_progress_ = Clock::now() + (barred_ ? Clock::duration(kBarEvery) : kLineEvery);
        const std::string line = progress_line(totals_, output_.unicode);
        if (barred_)
            bar_.draw({line});
        else
            output_.note(line);
    }

    std::string failures_text() const {
        if (totals_.failed == 0)
            return totals_.played < totals_.planned ? "no failure so far" : "no failure";
        std::vector<std::string> parts;
        for (const auto& [ending, number] : by_verdict_)
            parts.push_back(fmt::format("{} {}", grouped(number), to_string(ending)));
        return fmt::format("{}", fmt::join(parts, ", "));
    }

    void print_summary() {
        const SeedTotals& t = totals_;
        const std::string text = fmt::format(
            "{}\n"
            "  seeds       {} of {} ({} to {})\n"
            "  steps       {}, {} messages\n"
            "  operations  {} answered, {} entries committed\n"
            "  time        {} virtual seconds in {:.2f} s: {}",
            output_.painted(failures_text(), t.failed > 0 ? Colour::red : Colour::green),
            grouped(t.played), grouped(t.planned), settings_.seeds->first, settings_.seeds->last,
            grouped(t.steps), grouped(t.messages), grouped(t.answered), grouped(t.committed),
            seconds_text(t.took), t.wall_s, speed_text(t.took, t.wall_s));
        print_record(output_,
                     {{"first", settings_.seeds->first},
                      {"last", settings_.seeds->last},
                      {"played", t.played},
                      {"failed", t.failed},
                      {"failures", failures_},
                      {"steps", t.steps},
                      {"messages", t.messages},
                      {"answered", t.answered},
                      {"committed", t.committed},
                      {"virtual_s", std::chrono::duration<double>(t.took).count()},
                      {"wall_s", t.wall_s},
                      {"times_as_fast", times_as_fast(t.took, t.wall_s)}},
                     text);
    }

    const Output& output_;
    const SimSettings& settings_;
    SimScreen bar_;
    const bool barred_;
    const Clock::time_point start_ = Clock::now();
    Clock::time_point next_progress_ = start_ + (barred_ ? Clock::duration(kBarEvery) : kLineEvery);
    SeedTotals totals_;
    std::map<sim::Ending, std::uint64_t> by_verdict_;
    Value::List failures_;
    Exit worst_ = Exit::done;
};

}  // namespace

Exit play_seeds(Session& session, const SimSettings& settings) {
    return SeedSearch(session, settings).run();
}

}  // namespace raftbus::cli
