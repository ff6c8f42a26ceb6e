// get, scan: the reads.
#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/runner.hpp"
#include "cli/traced_request.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

constexpr std::uint64_t kScanLimit = 1000;

const OptionSpec kConsistency{
    .name = "consistency",
    .value = "LEVEL",
    .help = "linearizable (default), lease, or local: what the node has now, maybe stale",
    .choices = "linearizable|lease|local"};

void add_consistency(Value::Map& request, const Options& options) {
    if (const Setting* level = options.find("consistency")) {
        request.emplace_back("consistency", level->value);
    }
}

// The shell is a conversation: there a newline ends every answer, even on a pipe.
void print_value(const Session& session, const std::string& key, const Reply& reply) {
    const Output& output = session.output;
    const Value& value = reply.body["value"];
    switch (output.format_given ? output.format : Format::raw) {
        case Format::raw:
            output.out << value.text();
            if (output.out_terminal || session.runner.in_shell()) output.out << '\n';
            return;
        case Format::text:
            output.out << escaped(value.text()) << '\n';
            return;
        default:
            print_record(output,
                         {{"key", Blob{key}},
                          {"found", true},
                          {"value", value},
                          {"revision", reply.body["revision"]}},
                         "");
    }
}

Exit run_get(Session& session) {
    const std::string& key = session.options.words[0];
    Value::Map request{{"op", "GET"}, {"key", Blob{key}}};
    add_consistency(request, session.options);
    const Reply reply = session.options.on("trace")
                            ? traced_request(session, std::move(request), Effect::reads)
                            : session.client->call(std::move(request), Effect::reads);
    succeeded(reply);
    if (!reply.body["found"].is_true()) {
        if (session.output.format == Format::json) {
            print_record(session.output, {{"key", Blob{key}}, {"found", false}}, "");
        }
        session.output.note(fmt::format("key {} not found", in_quotes(key)));
        return Exit::answered_no;
    }
    if (!session.options.on("trace")) print_value(session, key, reply);
    return Exit::done;
}

// The smallest bytes above all that begin with `prefix`; none if there are none.
std::optional<std::string> end_of_prefix(std::string prefix) {
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
    if (prefix.empty()) return std::nullopt;
    ++prefix.back();
    return prefix;
}

struct Range {
    std::string start;
    std::optional<std::string> end;
};

Range range_from(const Options& options) {
    if (options.words.empty()) {
        Range range{options.text("start"), std::nullopt};
        if (options.given("end")) range.end = options.text("end");
        return range;
    }
    if (options.given("start") || options.given("end")) {
        throw Failure(Exit::refused, "a prefix and --start or --end exclude each other",
                      "give either a prefix or a range");
    }
    return {options.words[0], end_of_prefix(options.words[0])};
}

// The request for the part of the range that is still to come. A whole prefix is asked for as such.
Value::Map scan_request(const Range& range, const Options& options, std::uint64_t limit,
                        bool first) {
    Value::Map request{{"op", "SCAN"}, {"limit", limit}};
    const bool from_prefix = first && !options.given("start") && !options.given("end");
    if (from_prefix) {
        request.emplace_back("prefix", Blob{range.start});
    } else {
        // A range has two ends. No longer than the other one, so that no node finds it too long.
        const std::string last(std::max<std::size_t>(range.start.size(), 64), '\xff');
        request.emplace_back("start", Blob{range.start});
        request.emplace_back("end", Blob{range.end.value_or(last)});
    }
    if (options.on("keys-only")) request.emplace_back("keys_only", true);
    add_consistency(request, options);
    return request;
}

void print_items(const Output& output, const Value::List& items, bool keys_only) {
    if (output.list_format() == Format::text || output.list_format() == Format::raw) {
        for (const Value& item : items) {
            output.out << escaped(item[0].text());
            if (!keys_only) output.out << '\t' << escaped(item[1].text());
            output.out << '\n';
        }
        return;
    }
    Records records{{"key", "value", "revision"}, {}};
    if (keys_only) records.columns = {"key", "revision"};
    for (const Value& item : items) {
        if (keys_only)
            records.rows.push_back({item[0], item[2]});
        else
            records.rows.push_back({item[0], item[1], item[2]});
    }
    print_list(output, records);
}

// Scans in as many requests as the nodes' own limits make necessary. Each is consistent by itself.
Exit run_scan(Session& session) {
    const std::uint64_t limit = session.options.number("limit").value_or(kScanLimit);
    Range range = range_from(session.options);
    Value::List items;
    bool more = true;
    for (bool first = true; more && items.size() < limit; first = false) {
        const Reply reply = session.client->call(
            scan_request(range, session.options, limit - items.size(), first), Effect::reads);
        const Value::List& page = succeeded(reply).body["items"].list();
        more = reply.body["more"].is_true() && !page.empty();
        items.insert(items.end(), page.begin(), page.end());
        if (!items.empty()) range.start = std::string(items.back()[0].text()) + '\0';
    }
    print_items(session.output, items, session.options.on("keys-only"));
    if (more) {
        session.output.note(
            fmt::format("there are more than {} keys; --limit shows more of them", limit));
    }
    return Exit::done;
}

}  // namespace

Verb get_verb() {
    return {.name = "get",
            .group = "Data",
            .synopsis = "KEY",
            .summary = "read a value",
            .details =
                "Prints the bytes as they are, and a newline only on a terminal. -o text escapes "
                "what does\n"
                "not print. Exit 1: the key is not there.",
            .options = {kConsistency,
                        {.name = "trace",
                         .value = "",
                         .help = "show the path of the read through all actors and nodes"}},
            .examples = {{{"raftbus get colour", "the value's bytes"},
                          {"raftbus get colour -o json", "with its revision"},
                          {"raftbus get colour --consistency local -e :7248",
                           "what one node has, without asking the others"}}},
            .words_min = 1,
            .words_max = 1,
            .words = Words::keys,
            .run = run_get};
}

Verb scan_verb() {
    return {.name = "scan",
            .group = "Data",
            .synopsis = "[PREFIX]",
            .summary = "list keys in order",
            .details = "Without PREFIX and range: all keys. As text: key, tab, value.",
            .options = {{.name = "start", .value = "KEY", .help = "from this key on"},
                        {.name = "end", .value = "KEY", .help = "up to but without this key"},
                        {.name = "limit", .value = "N", .help = "at most so many (default 1000)"},
                        {.name = "keys-only", .value = "", .help = "without the values"},
                        kConsistency},
            .examples = {{{"raftbus scan user/", "all keys that begin with user/"},
                          {"raftbus scan --start a --end n --limit 10", "the first ten of a range"},
                          {"raftbus scan -o json | jq '.[].key'", "for a script"}}},
            .words_max = 1,
            .words = Words::keys,
            .run = run_scan};
}

}  // namespace raftbus::cli
