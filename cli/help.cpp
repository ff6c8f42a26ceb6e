#include "cli/help.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"

namespace raftbus::cli {
namespace {

constexpr std::size_t kOptionColumns = 26;
constexpr std::size_t kLineColumns = 100;

// Breaks the text between words; lines after the first begin with `indent` blanks.
std::string wrapped(std::string_view text, std::size_t indent) {
    std::string lines;
    std::size_t at = indent;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        if (at > indent && at + 1 + width(word) > kLineColumns) {
            lines += "\n" + std::string(indent, ' ');
            at = indent;
        } else if (at > indent) {
            lines += ' ';
            ++at;
        }
        lines += word;
        at += width(word);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string option_line(const OptionSpec& spec) {
    const std::string letter = spec.letter != 0 ? fmt::format("-{}, ", spec.letter) : "    ";
    const std::string value = spec.value.empty() ? "" : fmt::format(" {}", spec.value);
    const std::string left = fmt::format("  {}--{}{}", letter, spec.name, value);
    constexpr std::size_t kIndent = kOptionColumns + 4;
    const bool fits = width(left) + 2 <= kIndent;
    return fmt::format("{}{}\n",
                       fits ? padded(left, kIndent) : left + "\n" + std::string(kIndent, ' '),
                       wrapped(spec.help, kIndent));
}

std::string options_text(std::string_view title, const std::vector<OptionSpec>& specs) {
    if (specs.empty()) return {};
    std::string text = fmt::format("\n{}:\n", title);
    for (const OptionSpec& spec : specs) text += option_line(spec);
    return text;
}

std::string usage_of(const Verb& verb) {
    std::string usage = fmt::format("raftbus {}", verb.name);
    if (!verb.synopsis.empty()) usage += fmt::format(" {}", verb.synopsis);
    return usage;
}

}  // namespace

std::string overview() {
    std::string text =
        "raftbus: a replicated key-value store\n\n"
        "Usage: raftbus COMMAND [options]        raftbus alone on a terminal opens the shell\n";
    std::vector<std::string_view> groups;
    for (const Verb& verb : all_verbs()) {
        if (std::find(groups.begin(), groups.end(), verb.group) == groups.end())
            groups.push_back(verb.group);
    }
    for (const std::string_view group : groups) {
        text += fmt::format("\n{}:\n", group);
        for (const Verb& verb : all_verbs()) {
            if (verb.group != group) continue;
            text += fmt::format("  {:<25} {}\n", fmt::format("{} {}", verb.name, verb.synopsis),
                                verb.summary);
        }
    }
    text += options_text("Options of every command that talks to a cluster", common_options());
    text +=
        "\nEach of them may also come from the environment (RAFTBUS_ENDPOINTS, RAFTBUS_TIMEOUT, …) "
        "or from\n"
        "~/.config/raftbus/config (endpoints = …).\n"
        "\nExit codes: 0 done, 1 answered no (not found, condition failed), 2 refused, 3 no node "
        "reachable,\n"
        "4 not executed (no leader, busy, no space), 5 outcome unknown, 6 unauthorized, 130 "
        "interrupted.\n"
        "A simulation that fails: 10 wrong answer, 11 no progress, 12 crash, 13 undecided.\n"
        "\nraftbus help COMMAND says more; raftbus cheat shows examples of all of them.\n";
    return text;
}

std::string help_for(const Verb& verb) {
    std::string text = fmt::format("Usage: {} [options]\n\n{}\n", usage_of(verb), verb.summary);
    if (!verb.details.empty()) text += fmt::format("\n{}\n", verb.details);
    text += options_text("Options", verb.options);
    if (verb.speaks_to_cluster) {
        text += options_text("Options of every command that talks to a cluster", common_options());
    }
    text += "\nExamples:\n";
    for (const Example& example : verb.examples) {
        text += fmt::format("  {}\n      {}\n", example.command, example.says);
    }
    return text;
}

std::string cheat_sheet(const Verb& verb) {
    std::string text = fmt::format("{}: {}\n", verb.name, verb.summary);
    for (const Example& example : verb.examples) {
        text += fmt::format("  # {}\n  {}\n", example.says, example.command);
    }
    return text;
}

}  // namespace raftbus::cli
