// help, cheat.
#include <fmt/format.h>

#include "cli/display.hpp"
#include "cli/help.hpp"
#include "cli/suggest.hpp"

namespace raftbus::cli {
namespace {

const Verb& verb_named(const std::string& name) {
    if (const Verb* verb = find_verb(name)) return *verb;
    const std::string meant = nearest(name, verb_names());
    throw Failure(
        Exit::refused, fmt::format("unknown command {}", in_quotes(name)),
        meant.empty() ? "raftbus help lists the commands" : fmt::format("did you mean {}?", meant));
}

Exit run_help(Session& session) {
    const auto& words = session.options.words;
    session.output.out << (words.empty() ? overview() : help_for(verb_named(words[0])));
    return Exit::done;
}

Exit run_cheat(Session& session) {
    const auto& words = session.options.words;
    if (!words.empty()) {
        session.output.out << cheat_sheet(verb_named(words[0]));
        return Exit::done;
    }
    bool first = true;
    for (const Verb& verb : all_verbs()) {
        session.output.out << (first ? "" : "\n") << cheat_sheet(verb);
        first = false;
    }
    return Exit::done;
}

}  // namespace

Verb help_verb() {
    return {.name = "help",
            .group = "Words",
            .synopsis = "[COMMAND]",
            .summary = "what there is, or how one command works",
            .details = "",
            .options = {},
            .examples = {{{"raftbus help", "all commands"},
                          {"raftbus help set", "one of them"},
                          {"raftbus set --help", "the same"}}},
            .words_max = 1,
            .words = Words::verbs,
            .speaks_to_cluster = false,
            .run = run_help};
}

Verb cheat_verb() {
    return {.name = "cheat",
            .group = "Words",
            .synopsis = "[COMMAND]",
            .summary = "three working examples of each command",
            .details = "",
            .options = {},
            .examples = {{{"raftbus cheat", "of all commands"},
                          {"raftbus cheat trace", "of one"},
                          {"raftbus cheat | less", "page by page"}}},
            .words_max = 1,
            .words = Words::verbs,
            .speaks_to_cluster = false,
            .run = run_cheat};
}

}  // namespace raftbus::cli
