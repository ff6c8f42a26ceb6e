#include "cli/sim_console.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/failure.hpp"
#include "cli/interrupt.hpp"
#include "cli/sim_summary.hpp"
#include "cli/sim_words.hpp"
#include "cli/suggest.hpp"
#include "cli/trace_draw.hpp"
#include "cli/words.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration kSlice = 10ms;  // of virtual time, between two looks at what is waited for

}  // namespace

SimConsole::SimConsole(Session& session, const SimSettings& settings, LineSource lines,
                       bool interactive)
    : session_(session),
      output_(session.output),
      settings_(settings),
      lines_(std::move(lines)),
      interactive_(interactive),
      filter_(TraceFilter::from(session.options)),
      simulation_(listened()) {}

sim::RunOptions SimConsole::listened() {
    listener_.news = [this](const SimNews& news) {
        if (settings_.verbose || !news.detail) news_.push_back(news);
    };
    if (settings_.trace) trace({"on"});
    sim::RunOptions run = settings_.run;
    run.watcher = &listener_;
    constexpr std::size_t kSpares = 4;
    run.spares = kSpares;
    return run;
}

Exit SimConsole::run() {
    for (;;) {
        const std::string before = prompt();
        const auto line = lines_(before);
        if (!line) break;
        ++line_number_;
        if (!interactive_) output_.out << before << *line << '\n';
        if (!take(*line)) break;
    }
    if (simulation_.done() && simulation_.result().failed())
        return exit_of(simulation_.result().ending);
    return interactive_ ? Exit::done : first_failure_;
}

std::string SimConsole::prompt() const {
    return fmt::format("{} s> ", seconds_text(simulation_.elapsed()));
}

bool SimConsole::take(const std::string& line) {
    const auto words = split_words(line);
    if (words && (words->empty() || words->front().starts_with('#'))) return true;
    if (words && (words->front() == "quit" || words->front() == "exit")) return false;
    Exit exit = Exit::refused;
    if (words)
        exit = run_command(*words);
    else
        output_.note("raftbus: " + words.error().message);
    if (exit != Exit::done && !interactive_)
        output_.note(fmt::format("line {} failed (exit {})", line_number_, static_cast<int>(exit)));
    if (first_failure_ == Exit::done) first_failure_ = exit;
    if (!interactive_) throw_if_interrupted();
    clear_interrupt();
    return true;
}

// Whatever it comes to, the news are told.
Exit SimConsole::run_command(const Words& words) {
    Exit exit = Exit::done;
    std::string complaint;
    try {
        exit = perform(words);
    } catch (const Failure& failure) {
        exit = failure.exit;
        complaint = fmt::format("raftbus: {}", failure.what());
        if (!failure.next.empty()) complaint += fmt::format("\n  {}", failure.next);
    }
    print_news();
    if (!complaint.empty()) output_.note(complaint);
    print_end();
    output_.out.flush();
    return exit;
}

Exit SimConsole::perform(const Words& words) {
    const auto& all = commands();
    const auto command = std::find_if(all.begin(), all.end(), [&](const Command& candidate) {
        return candidate.name == words.front();
    });
    if (command == all.end()) {
        const std::string meant = nearest(words.front(), command_names());
        throw Failure(
            Exit::refused, fmt::format("unknown command {}", in_quotes(words.front())),
            meant.empty() ? "help lists the commands" : fmt::format("did you mean {}?", meant));
    }
    const std::size_t given = words.size() - 1;
    if (given < command->words_min || given > command->words_max)
        throw Failure(Exit::refused,
                      fmt::format("{} takes {}", command->name,
                                  command->usage.empty() ? "no words" : command->usage),
                      fmt::format("write {} {}", command->name, command->usage));
    return (this->*command->run)({words.begin() + 1, words.end()});
}

std::vector<std::string> SimConsole::command_names() {
    std::vector<std::string> names{"quit", "exit"};
    for (const Command& command : commands()) names.emplace_back(command.name);
    return names;
}

std::string SimConsole::help() {
    std::string text;
    for (const Command& command : commands())
        text += fmt::format("  {:<22}{}\n", fmt::format("{} {}", command.name, command.usage),
                            command.says);
    return text + fmt::format("  {:<22}{}\n", "quit", "leave");
}

// ---- what commands need

std::uint32_t SimConsole::node_in(const Words& words) const {
    return sim_node_from(words.front(), nodes());
}

std::uint32_t SimConsole::alive_node_in(const Words& words) const {
    const std::uint32_t node = node_in(words);
    if (!simulation_.cluster().node(node).alive())
        throw Failure(Exit::refused, fmt::format("node {} is down", node),
                      fmt::format("start {} starts it", node));
    return node;
}

void SimConsole::act(const std::function<void()>& action) {
    if (simulation_.done())
        throw Failure(Exit::refused, "the run is over", "show and log still work; quit leaves");
    simulation_.attempt(action);
}

bool SimConsole::run_until(const std::function<bool()>& holds, Duration limit) {
    const Duration end = simulation_.elapsed() + limit;
    while (!simulation_.done() && !holds()) {
        if (simulation_.elapsed() >= end || interrupt_pending() != 0) return false;
        simulation_.advance(std::min(kSlice, end - simulation_.elapsed()));
    }
    return holds();
}

void SimConsole::print_news() {
    for (const SimNews& news : news_)
        output_.out << output_.painted(news_line(news), Colour::dim) << '\n';
    news_.clear();
}

void SimConsole::print_end() {
    if (!simulation_.done() || std::exchange(end_told_, true)) return;
    const sim::RunResult& result = simulation_.result();
    output_.out << output_.painted(fmt::format("{}{}{}", to_string(result.ending),
                                               result.what.empty() ? "" : ": ", result.what),
                                   result.failed() ? Colour::red : Colour::green)
                << '\n';
}

}  // namespace raftbus::cli
