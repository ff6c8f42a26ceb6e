#include "cli/sim_summary.hpp"

#include <fmt/format.h>

#include <cmath>

#include "cli/sim_listener.hpp"
#include "cli/sim_replay.hpp"

namespace raftbus::cli {
namespace {

std::string line(std::string_view name, const std::string& text) {
    return fmt::format("  {:<12}{}\n", name, text);
}

// "1 term", "2 terms"
std::string counted(std::uint64_t number, std::string_view noun) {
    return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

std::size_t restarts_of(const SimReport& report) {
    return report.result.lives > report.nodes ? report.result.lives - report.nodes : 0;
}

std::string hash_text(const SimReport& report) {
    return fmt::format("{:016x}", report.result.hash);
}

}  // namespace

SimReport report_of(sim::Simulation& simulation, double wall_s) {
    const sim::Plan& plan = simulation.plan();
    return {.asked = plan.asked,
            .nodes = plan.nodes,
            .clients = plan.workload.clients,
            .faults = plan.faults,
            .strikes = plan.strikes.size(),
            .result = simulation.result(),
            .done = simulation.done(),
            .took = simulation.elapsed(),
            .wall_s = wall_s};
}

std::string_view verdict_of(const SimReport& report) {
    return report.done ? to_string(report.result.ending) : "interrupted";
}

Exit exit_of(sim::Ending ending) {
    switch (ending) {
        case sim::Ending::passed:
            return Exit::done;
        case sim::Ending::wrong:
            return Exit::sim_wrong;
        case sim::Ending::stuck:
            return Exit::sim_stuck;
        case sim::Ending::crashed:
            return Exit::sim_crashed;
        case sim::Ending::undecided:
            return Exit::sim_undecided;
    }
    return Exit::fatal;
}

Exit graver(Exit a, Exit b) {
    for (const Exit exit :
         {Exit::sim_wrong, Exit::sim_crashed, Exit::sim_stuck, Exit::sim_undecided})
        if (a == exit || b == exit) return exit;
    return a == Exit::done ? b : a;
}

std::string summary_text(const Output& output, const SimReport& report) {
    const sim::RunResult& result = report.result;
    const bool failed = report.done && result.failed();
    std::string text = output.painted(verdict_of(report), failed        ? Colour::red
                                                          : report.done ? Colour::green
                                                                        : Colour::yellow);
    text += fmt::format(": seed {}, {}, {}\n", report.asked.seed, counted(report.nodes, "node"),
                        counted(report.clients, "client"));
    text += line("faults", sim::to_text(report.faults));
    text += line("strikes", grouped(report.strikes));
    text += line("steps",
                 fmt::format("{}, {} messages", grouped(result.steps), grouped(result.messages)));
    text += line("operations",
                 fmt::format("{} answered, {} refused, {} unknown", grouped(result.answered),
                             grouped(result.refused), grouped(result.unknown)));
    text += line("leaders", "in " + counted(result.terms_led, "term"));
    text += line("restarts", grouped(restarts_of(report)));
    text += line("committed", grouped(result.committed) + " entries");
    text +=
        line("time", fmt::format("{} virtual seconds in {:.2f} s: {}", seconds_text(report.took),
                                 report.wall_s, speed_text(report.took, report.wall_s)));
    text += line("hash", hash_text(report));
    return text;
}

Value::Map summary_record(const SimReport& report) {
    const sim::RunResult& result = report.result;
    return Value::Map{{"verdict", verdict_of(report)},
                      {"what", result.what.empty() ? Value() : Value(result.what)},
                      {"seed", report.asked.seed},
                      {"nodes", std::uint64_t(report.nodes)},
                      {"clients", std::uint64_t(report.clients)},
                      {"faults", sim::to_text(report.faults)},
                      {"strikes", std::uint64_t(report.strikes)},
                      {"steps", result.steps},
                      {"messages", result.messages},
                      {"answered", std::uint64_t(result.answered)},
                      {"refused", std::uint64_t(result.refused)},
                      {"unknown", std::uint64_t(result.unknown)},
                      {"terms_led", std::uint64_t(result.terms_led)},
                      {"restarts", std::uint64_t(restarts_of(report))},
                      {"committed", result.committed},
                      {"virtual_s", std::chrono::duration<double>(report.took).count()},
                      {"wall_s", report.wall_s},
                      {"times_as_fast", times_as_fast(report.took, report.wall_s)},
                      {"hash", hash_text(report)},
                      {"replay", replay_command(report.asked)}};
}

std::string grouped(std::uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
    return digits;
}

double times_as_fast(Duration took, double wall_s) {
    if (wall_s <= 0) return 0;
    return std::round(std::chrono::duration<double>(took).count() / wall_s * 10) / 10;
}

std::string speed_text(Duration took, double wall_s) {
    const double times = times_as_fast(took, wall_s);
    if (times < 100) return fmt::format("{:.1f} times as fast", times);
    return grouped(static_cast<std::uint64_t>(times)) + " times as fast";
}

}  // namespace raftbus::cli
