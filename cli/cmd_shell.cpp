// shell: where lines come from, and what completes them.
#include <fmt/format.h>

#include <iostream>

#include "cli/completion.hpp"
#include "cli/line_editor.hpp"
#include "cli/runner.hpp"
#include "cli/shell.hpp"
#include "cli/words.hpp"

namespace raftbus::cli {
namespace {

std::string history_file(const Environment& environment) {
    if (const auto state = environment("XDG_STATE_HOME")) return *state + "/raftbus/history";
    if (const auto home = environment("HOME")) return *home + "/.local/state/raftbus/history";
    return {};
}

std::vector<std::string> complete_line(const std::string& before, std::size_t& start,
                                       Client* client) {
    start = last_word_start(before);
    const auto words = split_words(before.substr(0, start));
    const auto last = split_words(before.substr(start));
    if (!words || !last) return {};
    const std::string word = last->empty() ? "" : last->front();
    std::vector<std::string> candidates = completions(*words, word, client);
    if (words->empty()) {
        for (const std::string extra : {"exit", "menu"}) {
            if (extra.starts_with(word)) candidates.push_back(extra);
        }
    }
    for (std::string& candidate : candidates) candidate = quoted_word(candidate);
    return candidates;
}

Exit run_shell(Session& session) {
    if (session.runner.in_shell()) throw Failure(Exit::refused, "this is the shell already");
    if (!session.runner.terminal().in) {
        const LineSource lines = [](const std::string&) -> std::optional<std::string> {
            std::string line;
            if (!std::getline(std::cin, line)) return std::nullopt;
            return line;
        };
        return Shell(session, lines, false).run();
    }
    session.output.note("raftbus " RAFTBUS_VERSION
                        ": help lists the commands, menu the common ones, exit leaves");
    Client* client = session.client;
    LineEditor editor(history_file(session.runner.environment()),
                      [client](const std::string& before, std::size_t& start) {
                          return complete_line(before, start, client);
                      });
    return Shell(
               session, [&](const std::string& prompt) { return editor.read(prompt); }, true)
        .run();
}

}  // namespace

Verb shell_verb() {
    return {.name = "shell",
            .group = "Watching",
            .synopsis = "",
            .summary = "type commands one after the other, with history and completion",
            .details =
                "The prompt shows the node that answers, its role and term. Tab completes "
                "commands, options\n"
                "and keys. Words are quoted as in redis-cli: \"two words\", \"\\x41\". `menu` "
                "offers the common\n"
                "commands by number. Lines may also come from a pipe: the exit code is then that "
                "of the first\n"
                "line that failed.",
            .options = {},
            .examples = {{{"raftbus shell", "or just: raftbus"},
                          {"raftbus shell -e 10.0.0.7 -o json", "options hold for every line"},
                          {"printf 'set a 1\\nget a\\n' | raftbus shell", "from a script"}}},
            .in_shell = true,
            .run = run_shell};
}

}  // namespace raftbus::cli
