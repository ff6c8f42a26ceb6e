// completion: scripts for the system's shells, which ask `raftbus __complete` what may come next.
#include <algorithm>
#include <cctype>

#include "cli/completion.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

constexpr std::string_view kBash =
    R"(# bash completion of raftbus: source <(raftbus completion bash)
_raftbus() {
    local IFS=$'\n'
    COMPREPLY=($(raftbus __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _raftbus raftbus
)";

constexpr std::string_view kZsh = R"(#compdef raftbus
# zsh completion of raftbus: source <(raftbus completion zsh)
_raftbus() {
    local -a candidates
    candidates=("${(@f)$(raftbus __complete -- "${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)}")
    compadd -- $candidates
}
compdef _raftbus raftbus
)";

constexpr std::string_view kFish = R"(# fish completion of raftbus: raftbus completion fish | source
complete -c raftbus -f -a '(raftbus __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
)";

Exit run_completion(Session& session) {
    const std::string& shell = session.options.words[0];
    if (shell == "bash")
        session.output.out << kBash;
    else if (shell == "zsh")
        session.output.out << kZsh;
    else if (shell == "fish")
        session.output.out << kFish;
    else
        refuse("completion", shell, "is not one of bash, zsh, fish");
    return Exit::done;
}

// A system's shell would take blanks and quotes in a word apart.
bool plain(const std::string& word) {
    return std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("-_./:@%+=,").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

Exit run_complete(Session& session) {
    std::vector<std::string> before = session.options.words;
    std::string word;
    if (!before.empty()) {
        word = before.back();
        before.pop_back();
    }
    for (const std::string& candidate : completions(before, word, session.client)) {
        if (plain(candidate)) session.output.out << candidate << '\n';
    }
    return Exit::done;
}

}  // namespace

Verb completion_verb() {
    return {.name = "completion",
            .group = "Words",
            .synopsis = "bash|zsh|fish",
            .summary = "a script that completes commands, options, keys and nodes",
            .details = "",
            .options = {},
            .examples =
                {{{"source <(raftbus completion bash)", "for this session"},
                  {"raftbus completion bash > ~/.local/share/bash-completion/completions/raftbus",
                   "for all to come"},
                  {"raftbus completion fish | source", "in fish"}}},
            .words_min = 1,
            .words_max = 1,
            .words = Words::shells,
            .speaks_to_cluster = false,
            .run = run_completion};
}

const Verb& complete_verb() {
    static const Verb verb = {.name = "__complete",
                              .group = "",
                              .synopsis = "-- WORDS",
                              .summary = "what may stand in the place of the last word",
                              .details = "",
                              .options = {},
                              .examples = {},
                              .words_max = SIZE_MAX,
                              .in_shell = false,
                              .run = run_complete};
    return verb;
}

}  // namespace raftbus::cli
