// watch: the changes of a key or a prefix, as they happen.
#include <fmt/format.h>

#include "cli/display.hpp"
#include "cli/json.hpp"
#include "cli/verb.hpp"
#include "cli/watch_feed.hpp"

namespace raftbus::cli {
namespace {

WatchTarget target_from(const Options& options) {
    const bool prefix = options.given("prefix");
    if (prefix == !options.words.empty())
        throw Failure(
            Exit::refused, "watch needs a key, or --prefix, and not both",
            "raftbus watch colour; raftbus watch --prefix user/; --prefix '' is all keys");
    if (!prefix && options.words[0].empty())
        throw Failure(Exit::refused, "an empty key", "--prefix '' watches all keys");
    return {prefix ? options.text("prefix") : options.words[0], prefix, options.number("from")};
}

void print_change(const Output& output, const Value& reply) {
    const bool set = reply["event"].text() == "set";
    if (output.format == Format::json) {
        Value::Map record{
            {"revision", reply["revision"]}, {"event", reply["event"]}, {"key", reply["key"]}};
        if (set) record.emplace_back("value", reply["value"]);
        output.out << to_json(record) << '\n';
    } else {
        output.out << reply["revision"].number() << '\t' << reply["event"].text() << '\t'
                   << escaped(reply["key"].text());
        if (set) output.out << '\t' << escaped(reply["value"].text());
        output.out << '\n';
    }
    output.out.flush();
}

Exit run_watch(Session& session) {
    const std::uint64_t most = session.options.number("count").value_or(UINT64_MAX);
    WatchFeed feed(session.client->endpoints(), session.client->timeout(),
                   target_from(session.options),
                   [&](std::string_view text) { session.output.note(text); });
    for (std::uint64_t shown = 0; shown < most && session.output.out; ++shown)
        print_change(session.output, feed.next(WatchFeed::Clock::time_point::max()).value());
    return Exit::done;
}

}  // namespace

Verb watch_verb() {
    return {
        .name = "watch",
        .group = "Watching",
        .synopsis = "KEY",
        .summary = "the changes of a key, or of all with a prefix, as they happen",
        .details =
            "One line per change: revision, tab, set, delete or expire, tab, key, and of a set "
            "tab and\n"
            "value. Goes on at another node, without gap or repeat, when one fails. With --from "
            "it begins\n"
            "in the past, as far as the node's log reaches back. Ends with Ctrl-C, or after -n "
            "changes.",
        .options =
            {{.name = "prefix",
              .value = "PREFIX",
              .help = "all keys that begin with it, instead of KEY; '' is all"},
             {.name = "from",
              .value = "REVISION",
              .help = "the first revision that is wanted (default: from now on)"},
             {.name = "count", .value = "N", .help = "end after so many changes", .letter = 'n'}},
        .examples = {{{"raftbus watch colour", "one key"},
                      {"raftbus watch --prefix user/ -o json | jq .key", "for a script"},
                      {"raftbus watch --prefix '' --from 1044", "everything since a revision"}}},
        .words_max = 1,
        .words = Words::keys,
        .run = run_watch};
}

}  // namespace raftbus::cli
