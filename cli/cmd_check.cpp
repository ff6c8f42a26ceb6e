// check: what a node's data directory holds, and what is wrong with it, while the node is down.
#include <fmt/format.h>

#include "cli/display.hpp"
#include "cli/offline.hpp"
#include "cli/verb.hpp"
#include "messages/text.hpp"

namespace raftbus::cli {
namespace {

Value text_or_null(const std::string& text) {
    return text.empty() ? Value() : Value(text);
}

Value damages_record(const std::vector<Damage>& damages) {
    Value::List list;
    for (const Damage& damage : damages)
        list.push_back(Value::Map{{"file", text_or_null(damage.file)},
                                  {"offset", damage.offset},
                                  {"what", escaped(damage.what)}});
    return list;
}

Value::Map log_record(const Inspection& found) {
    Value::Map log{{"segments", std::uint64_t(found.segments)}, {"bytes", found.log_bytes}};
    if (!found.log) return log;
    log.emplace_back("first", found.log->before_first.index.next().value);
    log.emplace_back("last", found.log->last.index.value);
    log.emplace_back("last_term", found.log->last.term.value);
    log.emplace_back("term", found.log->hard_state.term.value);
    log.emplace_back("vote", std::uint64_t(found.log->hard_state.vote.value));
    return log;
}

Value::Map state_record(const Inspection& found) {
    Value::Map state{{"bytes", found.state_bytes}};
    if (!found.state) return state;
    state.emplace_back("applied", found.state->applied.index.value);
    state.emplace_back("applied_term", found.state->applied.term.value);
    state.emplace_back("digest", fmt::format("{:016x}", found.state->digest));
    state.emplace_back("keys", found.counts.keys);
    state.emplace_back("sessions", found.counts.sessions);
    return state;
}

Value::Map record(const std::string& directory, const Inspection& found) {
    Value::Map map{{"directory", directory}, {"sound", found.sound()}};
    if (found.identity) {
        map.emplace_back("cluster", found.identity->cluster);
        map.emplace_back("node", std::uint64_t(found.identity->node.value));
        if (found.identity->rejoin_at)
            map.emplace_back("rejoin_at", found.identity->rejoin_at.value);
    }
    map.emplace_back("log", log_record(found));
    map.emplace_back("state", state_record(found));
    map.emplace_back("members", members_text(found));
    map.emplace_back("damages", damages_record(found.damages));
    map.emplace_back("harmless", damages_record(found.harmless));
    return map;
}

Exit run_check(Session& session) {
    const std::string& directory = session.options.words[0];
    const Inspection found = inspect_directory(session, directory);
    if (session.output.format == Format::json)
        print_json(session.output, record(directory, found));
    else
        print_inspection(session.output, directory, found);
    return found.sound() ? Exit::done : Exit::answered_no;
}

}  // namespace

Verb check_verb() {
    return {.name = "check",
            .group = "Care",
            .synopsis = "DIR",
            .summary = "read everything in a node's data directory, and tell what is wrong with it",
            .details =
                "The node must not run. Nothing is changed. Reads the identity, every segment of "
                "the log, every\n"
                "block and record of the state, and whether they belong together. A write that a "
                "crash left\n"
                "unfinished at the log's end is no damage.\n"
                "Exit 0: sound. Exit 1: damaged. Exit 2: there is nothing to check, or a node runs "
                "on it.",
            .options = offline_options(),
            .examples = {{{"raftbus check ./raftbus-data/n1", "is it sound?"},
                          {"raftbus check n1 -o json | jq .log.last", "how far its log reaches"},
                          {"for n in n1 n2 n3; do raftbus check $n; done",
                           "whose log is the newest, before raftbus recover"}}},
            .words_min = 1,
            .words_max = 1,
            .speaks_to_cluster = false,
            .in_shell = false,
            .run = run_check};
}

}  // namespace raftbus::cli
