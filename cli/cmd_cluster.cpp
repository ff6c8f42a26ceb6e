// status, heartbeat, elect, snapshot: the cluster seen from outside.
#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/survey.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

std::string node_name(std::uint64_t node) {
    return fmt::format("n{}", node);
}

// "1", or "1..2, cluster 1": what the node knows, and what it sees the cluster speak.
std::string versions_text(const Value& status) {
    const std::uint64_t oldest = status["speaks"][0].number();
    const std::uint64_t newest = status["speaks"][1].number();
    const std::uint64_t cluster = status["cluster_version"].number();
    const std::string range =
        oldest == newest ? fmt::format("{}", newest) : fmt::format("{}..{}", oldest, newest);
    return cluster == newest ? range : fmt::format("{}, cluster {}", range, cluster);
}

std::vector<Value> status_row(const NodeView& view) {
    if (!view.status) {
        std::vector<Value> row{view.node, "unreachable: " + view.reason};
        row.resize(10);
        return row;
    }
    const Value& s = *view.status;
    std::string role(s["role"].text());
    if (!s["diverged"]["index"].empty()) role += ", diverged";
    if (!s["damaged"].empty()) role += ", damaged";
    return {
        view.node,   role,
        s["term"],   s["leader"],
        s["first"],  s["last"],
        s["commit"], s["applied"],
        s["digest"], versions_text(s)};
}

Exit run_status(Session& session) {
    const auto views =
        survey(*session.client, std::min<std::chrono::microseconds>(session.client->timeout(), 1s));
    if (session.output.list_format() == Format::json) {
        Value::List items;
        for (const NodeView& view : views) {
            items.push_back(view.status ? *view.status
                                        : Value(Value::Map{{"ok", false},
                                                           {"node", view.node},
                                                           {"client", view.client},
                                                           {"reason", view.reason}}));
        }
        print_json(session.output, items);
        return Exit::done;
    }
    Records records{{"node", "role", "term", "leader", "first", "last", "commit", "applied",
                     "digest", "speaks"},
                    {}};
    for (const NodeView& view : views) records.rows.push_back(status_row(view));
    print_list(session.output, records);
    return Exit::done;
}

Exit run_heartbeat(Session& session) {
    const Reply reply = session.client->call({{"op", "HEARTBEAT"}}, Effect::reads);
    const Value& body = succeeded(reply).body;
    const std::chrono::microseconds round_trip(body["round_trip_us"].number());
    print_record(session.output,
                 {{"leader", body["leader"]},
                  {"term", body["term"]},
                  {"round_trip_us", body["round_trip_us"]}},
                 fmt::format("leader {} term {}, confirmed by a majority in {} ms",
                             node_name(body["leader"].number()), body["term"].number(),
                             milliseconds_text(round_trip)));
    return Exit::done;
}

Exit run_elect(Session& session) {
    Value::Map request{{"op", "ELECT"}};
    if (!session.options.words.empty()) {
        std::string_view word = session.options.words[0];
        if (word.starts_with('n')) word.remove_prefix(1);
        const auto node = number_from(word);
        if (!node || *node == 0)
            refuse("elect", session.options.words[0], "is not a node", "write 2 or n2");
        request.emplace_back("node", *node);
    }
    const Reply reply = session.client->call(std::move(request), Effect::writes);
    const Value& body = succeeded(reply).body;
    print_record(session.output, {{"leader", body["leader"]}, {"term", body["term"]}},
                 fmt::format("leader {} term {}", node_name(body["leader"].number()),
                             body["term"].number()));
    return Exit::done;
}

Exit run_snapshot(Session& session) {
    const Reply reply = session.client->call({{"op", "SNAPSHOT"}}, Effect::writes);
    const Value& body = succeeded(reply).body;
    print_record(
        session.output, {{"index", body["index"]}},
        fmt::format("flushed up to {}, and the log before it is dropped", body["index"].number()));
    return Exit::done;
}

}  // namespace

Verb status_verb() {
    return {.name = "status",
            .group = "Cluster",
            .synopsis = "",
            .summary = "every node's own view: role, term, log, state",
            .details =
                "Equal digests at equal applied indexes mean equal states. Nodes that do not "
                "answer are\n"
                "listed as unreachable. Exit 3: none answers.",
            .options = {},
            .examples = {{{"raftbus status", "all nodes at a glance"},
                          {"raftbus status -o json | jq '.[] | select(.role==\"leader\").node'",
                           "who leads, for a script"},
                          {"watch -n1 raftbus status", "look on while nodes come and go"}}},
            .run = run_status};
}

Verb heartbeat_verb() {
    return {.name = "heartbeat",
            .group = "Cluster",
            .synopsis = "",
            .summary = "have the leader confirm with a majority, now, that it leads",
            .details = "",
            .options = {},
            .examples = {{{"raftbus heartbeat", "who leads, and how fast a majority answers"},
                          {"raftbus heartbeat -o json", "round trip in microseconds"},
                          {"raftbus heartbeat -t 500ms",
                           "exit 0 only if it does within half a second"}}},
            .run = run_heartbeat};
}

Verb elect_verb() {
    return {.name = "elect",
            .group = "Cluster",
            .synopsis = "[NODE]",
            .summary = "have a node campaign at once",
            .details = "Without NODE: the node that is asked. Prints who leads afterwards.",
            .options = {},
            .examples = {{{"raftbus elect 2", "make n2 the leader"},
                          {"raftbus elect -e :7258", "the node that listens there campaigns"},
                          {"raftbus elect n1 -o json", "leader and term for a script"}}},
            .words_max = 1,
            .words = Words::nodes,
            .run = run_elect};
}

Verb snapshot_verb() {
    return {
        .name = "snapshot",
        .group = "Cluster",
        .synopsis = "",
        .summary = "have a node flush its state and drop the log before it, now",
        .details =
            "Only the node that is asked does. Nodes do so by themselves as they fill; this is for "
            "before a\n"
            "backup of files, or to free disk space. A follower that lacks what was dropped gets "
            "the state.",
        .options = {},
        .examples = {{{"raftbus snapshot -e :7248", "the node that listens there"},
                      {"raftbus snapshot -o json", "the index, for a script"},
                      {"raftbus snapshot -t 1min", "wait longer for a big state"}}},
        .run = run_snapshot};
}

}  // namespace raftbus::cli
