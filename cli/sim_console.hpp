// sim_console: a person, or a script, that steps a simulated cluster by hand.
//
// Owns: the run, the commands, and what is told after each of them. Time stands still between
// commands.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/shell.hpp"
#include "cli/sim_listener.hpp"
#include "cli/sim_settings.hpp"
#include "cli/trace_filter.hpp"
#include "cli/verb.hpp"
#include "sim/simulation.hpp"

namespace raftbus::cli {

class SimConsole {
public:
    // Without `interactive` lines come from elsewhere than a person: they are repeated in the
    // output, and errors name them.
    SimConsole(Session& session, const SimSettings& settings, LineSource lines, bool interactive);

    // Until the lines end, or one of them is `quit`. What breaks a rule decides; otherwise the
    // first failure of a line if lines come from a pipe.
    Exit run();

    static std::vector<std::string> command_names();
    static std::string help();

private:
    using Words = std::vector<std::string>;
    struct Command {
        std::string_view name, usage, says;
        std::size_t words_min, words_max;
        Exit (SimConsole::*run)(const Words&);
    };
    static const std::vector<Command>& commands();

    std::string prompt() const;
    // Whether there is more to come.
    bool take(const std::string& line);
    Exit run_command(const Words& words);
    Exit perform(const Words& words);

    // ---- commands; `words` are those after the name

    Exit run_for(const Words& words);
    Exit step(const Words& words);
    Exit finish(const Words& words);
    Exit set(const Words& words);
    Exit get(const Words& words);
    Exit erase(const Words& words);
    Exit kill(const Words& words);
    Exit crash(const Words& words);
    Exit start(const Words& words);
    Exit stop(const Words& words);
    Exit pause(const Words& words);
    Exit resume(const Words& words);
    Exit elect(const Words& words);
    Exit add(const Words& words);
    Exit remove(const Words& words);
    Exit cut(const Words& words);
    Exit heal(const Words& words);
    Exit disconnect(const Words& words);
    Exit full(const Words& words);
    Exit room(const Words& words);
    Exit show(const Words& words);
    Exit log(const Words& words);
    Exit trace(const Words& words);
    Exit seed(const Words& words);
    Exit show_help(const Words& words);

    // ---- what they need

    // How many nodes there have been.
    std::size_t nodes() const;
    void change(const MemberChange& wanted, const std::function<bool(const Configuration&)>& done);
    std::uint32_t node_in(const Words& words) const;
    std::uint32_t alive_node_in(const Words& words) const;
    void act(const std::function<void()>& action);
    // Lets time pass until it holds. False: it does not within the limit, or the run is over.
    bool run_until(const std::function<bool()>& holds, Duration limit);
    Exit ask(sim::Ask ask, const std::string& key);
    std::optional<sim::Operation> answer_to(std::uint32_t client) const;
    void print_message(const TraceEvent& event);
    void print_news();
    void print_end();
    sim::RunOptions listened();

    Session& session_;
    const Output& output_;
    const SimSettings& settings_;
    const LineSource lines_;
    const bool interactive_;
    TraceFilter filter_;
    std::vector<SimNews> news_;  // since the last command
    SimListener listener_;
    sim::Simulation simulation_;
    bool end_told_ = false;
    std::size_t line_number_ = 0;
    Exit first_failure_ = Exit::done;
};

}  // namespace raftbus::cli
