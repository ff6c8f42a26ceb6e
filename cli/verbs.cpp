#include <algorithm>
#include <cctype>

#include "cli/verb.hpp"

namespace raftbus::cli {

const std::vector<Verb>& all_verbs() {
    static const std::vector<Verb> verbs = {
        set_verb(),    get_verb(),      delete_verb(),  txn_verb(),       scan_verb(),
        no_op_verb(),  status_verb(),   members_verb(), log_verb(),       heartbeat_verb(),
        elect_verb(),  snapshot_verb(), lock_verb(),    watch_verb(),     trace_verb(),
        shell_verb(),  node_verb(),     check_verb(),   repair_verb(),    recover_verb(),
        backup_verb(), restore_verb(),  export_verb(),  import_verb(),    sim_verb(),
        bench_verb(),  help_verb(),     cheat_verb(),   completion_verb()};
    return verbs;
}

const Verb* find_verb(std::string_view name) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "noop") lower = "no-op";
    if (lower == "del") lower = "delete";
    if (lower == complete_verb().name) return &complete_verb();
    const std::vector<Verb>& verbs = all_verbs();
    const auto found = std::find_if(verbs.begin(), verbs.end(),
                                    [&](const Verb& verb) { return verb.name == lower; });
    return found == verbs.end() ? nullptr : &*found;
}

std::vector<std::string> verb_names() {
    std::vector<std::string> names;
    for (const Verb& verb : all_verbs()) names.emplace_back(verb.name);
    return names;
}

const std::vector<OptionSpec>& common_options() {
    static const std::vector<OptionSpec> options = {
        {.name = "endpoints",
         .value = "HOST:PORT,…",
         .help = "where the nodes listen for clients; any member will do "
                 "(default 127.0.0.1:7238,7248,7258)",
         .letter = 'e',
         .from_surroundings = true},
        {.name = "timeout",
         .value = "TIME",
         .help = "how long to try altogether, 500ms or 5s (default 5s)",
         .letter = 't',
         .from_surroundings = true},
        {.name = "output",
         .value = "FORMAT",
         .help = "text, json or table; get also knows raw",
         .letter = 'o',
         .choices = "text|json|table|raw",
         .from_surroundings = true},
        {.name = "color",
         .value = "WHEN",
         .help = "auto (on terminals, unless NO_COLOR is set), always or never",
         .choices = "auto|always|never",
         .from_surroundings = true},
    };
    return options;
}

const std::vector<OptionSpec>& universal_options() {
    static const std::vector<OptionSpec> options = {
        {.name = "help", .value = "", .help = "show this help", .letter = 'h'},
        {.name = "version", .value = "", .help = "show the version"},
    };
    return options;
}

std::vector<OptionSpec> options_of(const Verb& verb) {
    std::vector<OptionSpec> options = verb.options;
    if (verb.speaks_to_cluster) {
        options.insert(options.end(), common_options().begin(), common_options().end());
    }
    options.insert(options.end(), universal_options().begin(), universal_options().end());
    return options;
}

}  // namespace raftbus::cli
