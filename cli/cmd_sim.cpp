// sim: a cluster in virtual time, from a seed.
#include <iostream>
#include <random>

#include "cli/interrupt.hpp"
#include "cli/line_editor.hpp"
#include "cli/runner.hpp"
#include "cli/sim_console.hpp"
#include "cli/sim_run.hpp"
#include "cli/sim_seeds.hpp"
#include "cli/sim_settings.hpp"
#include "cli/words.hpp"

namespace raftbus::cli {
namespace {

// Below a million: somebody may have to type it.
std::uint64_t draw_seed() {
    std::random_device device;
    return std::uniform_int_distribution<std::uint64_t>(1, 999'999)(device);
}

std::vector<std::string> complete(const std::string& before, std::size_t& start) {
    start = last_word_start(before);
    std::vector<std::string> names;
    if (start > 0) return names;
    for (const std::string& name : SimConsole::command_names())
        if (name.starts_with(before)) names.push_back(name);
    return names;
}

Exit run_console(Session& session, const SimSettings& settings) {
    watch_interrupts();
    if (!session.runner.terminal().in) {
        const LineSource lines = [](const std::string&) -> std::optional<std::string> {
            std::string line;
            if (!std::getline(std::cin, line)) return std::nullopt;
            return line;
        };
        return SimConsole(session, settings, lines, false).run();
    }
    session.output.note(
        "time stands still until you let it pass: run 2s, set k v; help lists the "
        "commands");
    LineEditor editor({}, complete);
    const LineSource lines = [&](const std::string& prompt) { return editor.read(prompt); };
    return SimConsole(session, settings, lines, true).run();
}

Exit run_sim(Session& session) {
    const bool watched = session.output.out_terminal && session.output.format == Format::text;
    const SimSettings settings = sim_settings(session.options, draw_seed, watched);
    if (settings.interactive) return run_console(session, settings);
    return settings.seeds ? play_seeds(session, settings) : play_seed(session, settings);
}

}  // namespace

Verb sim_verb() {
    return {.name = "sim",
            .group = "Running",
            .synopsis = "",
            .summary = "a whole cluster in virtual time, under faults drawn from a seed",
            .details =
                "Runs the very actors of `raftbus node` in one thread, over a simulated network, "
                "disks, clocks and\n"
                "clients. The same seed makes the same run on every machine. Rules are checked "
                "after every step;\n"
                "in the end everything heals, the cluster must recover, and what clients were told "
                "must be\n"
                "linearizable. What fails is printed with the messages before it and the command "
                "that plays it\n"
                "again; --trace and the options that choose messages show all of it.\n"
                "--interactive steps the cluster by hand, also from a pipe, without faults and "
                "clients unless they\n"
                "are asked for: run 2s, set k v, kill 2, cut 1,2|3, heal, show; help lists them "
                "all.\n"
                "Exit 0: passed. Exit 10: a rule is broken, or clients were told what can't be. "
                "Exit 11: no\n"
                "progress. Exit 12: a check inside an actor failed. Exit 13: the history was too "
                "hard to judge. Of\n"
                "several failures the gravest counts: 10, 12, 11, 13. Exit 130: interrupted before "
                "anything failed.",
            .options = sim_option_specs(),
            .examples = {{{"raftbus sim", "watch one that is drawn"},
                          {"raftbus sim --seeds 1..1000 --nodes 5", "search for a failure"},
                          {"raftbus sim --interactive --nodes 3", "kill 1, cut 1,2|3, set k v"}}},
            .speaks_to_cluster = false,
            .in_shell = false,
            .run = run_sim};
}

}  // namespace raftbus::cli
