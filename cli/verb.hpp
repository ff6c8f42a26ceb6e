// verb: what a command of raftbus is. One table of them (verbs.cpp) drives dispatch, help,
// completion and the cheat sheets; each verb is described beside its code, in cmd_*.cpp.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace raftbus::cli {

class Runner;

// What a verb works with.
struct Session {
    const Options& options;  // its own and the common ones
    Output& output;
    Client* client;  // null for verbs that talk to no cluster
    Runner& runner;  // runs other verbs
};

// What the words of a verb are, for completion.
enum class Words { none, keys, nodes, verbs, shells };

struct Example {
    std::string_view command;
    std::string_view says;
};

struct Verb {
    std::string_view name;
    std::string_view group;     // the heading in the overview
    std::string_view synopsis;  // "KEY VALUE"
    std::string_view summary;   // one line
    std::string_view details;   // paragraphs; may be empty
    std::vector<OptionSpec> options;
    std::array<Example, 3> examples;
    std::size_t words_min = 0;
    std::size_t words_max = 0;
    Words words = Words::none;
    bool speaks_to_cluster = true;  // takes --endpoints and the other common options
    bool in_shell = true;
    Exit (*run)(Session&) = nullptr;
};

const std::vector<Verb>& all_verbs();
// Null if there is none of that name. Knows "noop" for "no-op" and a few more that people type.
const Verb* find_verb(std::string_view name);
// All names, for suggestions.
std::vector<std::string> verb_names();

// --endpoints, --timeout, --output, --color, which every verb that speaks to a cluster takes.
const std::vector<OptionSpec>& common_options();
// --help and --version, which every verb takes.
const std::vector<OptionSpec>& universal_options();
// All options that the verb takes.
std::vector<OptionSpec> options_of(const Verb& verb);

// Described in cmd_*.cpp.
Verb check_verb();
Verb repair_verb();
Verb recover_verb();
Verb backup_verb();
Verb restore_verb();
Verb export_verb();
Verb import_verb();
Verb node_verb();
Verb set_verb();
Verb get_verb();
Verb delete_verb();
Verb no_op_verb();
Verb txn_verb();
Verb scan_verb();
Verb status_verb();
Verb members_verb();
Verb heartbeat_verb();
Verb elect_verb();
Verb snapshot_verb();
Verb log_verb();
Verb trace_verb();
Verb watch_verb();
Verb lock_verb();
Verb shell_verb();
Verb sim_verb();
Verb bench_verb();
Verb help_verb();
Verb cheat_verb();
Verb completion_verb();
// Behind the scripts of `completion`; in no list.
const Verb& complete_verb();

}  // namespace raftbus::cli
