// log: what a node's own log holds, and the nodes' logs side by side.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/display.hpp"
#include "cli/log_table.hpp"
#include "cli/survey.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLimit = 1000;

// Which entries are asked for: `limit` from `from` on; without `from`, the newest.
struct Window {
    std::optional<std::uint64_t> from;
    std::uint64_t limit = kLimit;

    std::uint64_t start_below(std::uint64_t last) const {
        if (from) return *from;
        return last > limit ? last - limit + 1 : 0;
    }
};

Window window_from(const Options& options) {
    return {options.number("from"), options.number("limit").value_or(kLimit)};
}

// Fetches a window of one node's log in as many requests as its limits make necessary. `ask` sends
// a LOG request to always the same node.
template <class Ask>
Value::List fetch(std::uint64_t from, std::uint64_t limit, Ask ask) {
    Value::List entries;
    while (entries.size() < limit) {
        const Value reply =
            ask(Value::Map{{"op", "LOG"}, {"from", from}, {"limit", limit - entries.size()}});
        const Value::List& page = reply["entries"].list();
        if (page.empty()) break;
        entries.insert(entries.end(), page.begin(), page.end());
        from = entries.back()["index"].number() + 1;
        if (!reply["more"].is_true()) break;
    }
    return entries;
}

// Asks that one node alone: which node's log it is must not change between pages.
Value ask_node(Client& client, const std::string& endpoint, const Value::Map& request) {
    const auto answers = client.ask_each({endpoint}, request, client.timeout());
    if (!answers[0].reply) {
        throw Failure(Exit::unreachable, fmt::format("{}: {}", endpoint, answers[0].reason),
                      "`raftbus status` shows which nodes answer");
    }
    return succeeded(*answers[0].reply).body;
}

Exit run_one(Session& session) {
    Client& client = *session.client;
    const Reply status = client.call({{"op", "STATUS"}}, Effect::reads);
    const std::uint64_t node = succeeded(status).body["node"].number();
    const Window window = window_from(session.options);
    const std::uint64_t last = status.body["last"].number();
    const std::uint64_t start = window.start_below(last);
    const Value::List entries = fetch(start, window.limit, [&](const Value::Map& request) {
        return ask_node(client, status.endpoint, request);
    });
    print_log(session.output, node, entries);
    const std::uint64_t first = status.body["first"].number();
    const bool earlier_left_out = !window.from && !entries.empty() && start > first;
    if (earlier_left_out) {
        session.output.note(
            fmt::format("the newest {} of n{}'s entries {} to {}; --from and --limit show others",
                        entries.size(), node, first, last));
    } else if (!entries.empty() && entries.back()["index"].number() < last) {
        session.output.note(
            fmt::format("n{}'s log goes on to {}; --from and --limit show more", node, last));
    }
    return Exit::done;
}

Exit run_all(Session& session) {
    Client& client = *session.client;
    const auto views = survey(client, std::min<std::chrono::microseconds>(client.timeout(), 1s));
    std::uint64_t last = 0;
    for (const NodeView& view : views) {
        if (view.status) last = std::max(last, (*view.status)["last"].number());
    }
    const Window window = window_from(session.options);
    const std::uint64_t start = window.start_below(last);
    std::vector<NodeLog> logs;
    for (const NodeView& view : views) {
        if (!view.status) {
            session.output.note(fmt::format("n{} is unreachable: {}", view.node, view.reason));
            continue;
        }
        NodeLog log{view.node, (*view.status)["commit"].number(), {}};
        for (Value& entry : fetch(start, window.limit, [&](const Value::Map& request) {
                 return ask_node(client, view.client, request);
             })) {
            const std::uint64_t index = entry["index"].number();
            log.entries.emplace(index, std::move(entry));
        }
        logs.push_back(std::move(log));
    }
    const std::uint64_t differing = print_side_by_side(session.output, logs);
    session.output.note(
        differing == 0
            ? "where two logs have an entry, they agree"
            : fmt::format("{} entries differ (marked !): not committed, and the leader will "
                          "replace all versions but one",
                          differing));
    return Exit::done;
}

Exit run_log(Session& session) {
    return session.options.on("all") ? run_all(session) : run_one(session);
}

}  // namespace

Verb log_verb() {
    return {
        .name = "log",
        .group = "Cluster",
        .synopsis = "",
        .summary = "a node's replicated log, or all of them side by side",
        .details =
            "Shows the newest 1000 entries unless --from or --limit say otherwise. Entries below "
            "a\n"
            "node's `first` (raftbus status) were cut: the state holds their effect.",
        .options =
            {{.name = "from", .value = "INDEX", .help = "from this index on; 0: from the oldest"},
             {.name = "limit", .value = "N", .help = "at most so many entries (default 1000)"},
             {.name = "all",
              .value = "",
              .help = "all nodes' logs side by side, differences marked"}},
        .examples = {{{"raftbus log", "the log of the node that answers first"},
                      {"raftbus log -e :7258 --from 1 --limit 20",
                       "the first entries of another one's"},
                      {"raftbus log --all --limit 30", "compare what the nodes hold"}}},
        .run = run_log};
}

}  // namespace raftbus::cli
