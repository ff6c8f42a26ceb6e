// txn: several keys tested and changed as one write.
#include <fmt/format.h>

#include <iostream>

#include "cli/display.hpp"
#include "cli/files.hpp"
#include "cli/json.hpp"
#include "cli/runner.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

std::string text_from(const std::string& file) {
    if (file == "-") return read_all(std::cin, kMessageBytesMax);
    return read_file(file, "the transaction", kMessageBytesMax);
}

// The fields of the request; the node says what is wrong with them.
Value::Map request_from(const std::string& text) {
    const Result<Value> json = from_json(text);
    const auto* fields = json ? std::get_if<Value::Map>(&json->data) : nullptr;
    if (!fields) {
        throw Failure(Exit::refused,
                      "the transaction is " + (json ? "not an object" : json.error().message),
                      R"(write {"if": [...], "then": [...], "else": [...]})");
    }
    Value::Map request{{"op", "TXN"}};
    for (const auto& [name, value] : *fields) {
        if (name != "if" && name != "then" && name != "else") {
            throw Failure(Exit::refused, "a transaction has no field " + in_quotes(name),
                          "it has if, then and else");
        }
        request.emplace_back(name, value);
    }
    return request;
}

std::string key_text(const Value& step) {
    return escaped(step["key"].text());
}

// What one step did, on one line or, for scans, several.
void print_result(const Output& output, const Value& step, const Value& result) {
    const std::string_view op = step["op"].text();
    if (op == "SET") {
        output.out << fmt::format("set {}\n", key_text(step));
    } else if (op == "DELETE") {
        output.out << fmt::format("delete {}{}\n", key_text(step),
                                  result["found"].is_true() ? "" : ": was not there");
    } else if (op == "GET") {
        output.out << fmt::format(
            "get {}: {}\n", key_text(step),
            result["found"].is_true() ? escaped(result["value"].text()) : "not found");
    } else {
        const Value::List& items = result["items"].list();
        output.out << fmt::format("scan: {} keys{}\n", items.size(),
                                  result["more"].is_true() ? ", and more" : "");
        for (const Value& item : items)
            output.out << fmt::format("  {} = {}\n", escaped(item[0].text()),
                                      escaped(item[1].text()));
    }
}

Exit run_txn(Session& session) {
    const auto& words = session.options.words;
    if (words.empty() && session.runner.in_shell())
        throw Failure(Exit::refused, "here stdin is the shell's own", "txn FILE reads a file");
    const Value::Map request = request_from(text_from(words.empty() ? "-" : words[0]));
    const Reply reply = session.client->call(
        request, session.options.on("no-retry") ? Effect::writes : Effect::writes_once);
    succeeded(reply);
    const bool held = reply.body["succeeded"].is_true();
    const Value& results = reply.body["results"];
    if (session.output.format == Format::json) {
        print_json(session.output, Value::Map{{"ok", true},
                                              {"succeeded", held},
                                              {"revision", reply.body["revision"]},
                                              {"results", results}});
    } else {
        session.output.out << fmt::format("{} revision {}\n", held ? "OK" : "ELSE",
                                          reply.body["revision"].number());
        const Value sent(request);
        const Value::List& steps = sent[held ? "then" : "else"].list();
        for (std::size_t i = 0; i < steps.size(); ++i)
            print_result(session.output, steps[i], results[i]);
    }
    return held ? Exit::done : Exit::answered_no;
}

}  // namespace

Verb txn_verb() {
    return {
        .name = "txn",
        .group = "Data",
        .synopsis = "[FILE]",
        .summary = "test and change several keys as one write",
        .details =
            "Reads JSON from FILE, or from stdin without one or with -:\n"
            "  {\"if\":   [{\"key\": \"stock\", \"value\": \"3\"}],\n"
            "   \"then\": [{\"op\": \"SET\", \"key\": \"stock\", \"value\": \"2\"}],\n"
            "   \"else\": [{\"op\": \"GET\", \"key\": \"stock\"}]}\n"
            "A condition names a key and its value, its revision (0: absent) or present (true or\n"
            "false). Ops are SET (also with ttl_ms), DELETE, GET and SCAN. Bytes that are not\n"
            "UTF-8 are written {\"base64\": \"...\"}. Exit 1: a condition did not hold, and the\n"
            "ops of else were carried out.",
        .options = {{.name = "no-retry",
                     .value = "",
                     .help = "send it once, without a session: an attempt without an answer is "
                             "not repeated"}},
        .examples = {{{"raftbus txn move.json", "carry out what the file says"},
                      {"raftbus txn - < move.json", "the same, from stdin"},
                      {"raftbus txn move.json -o json", "the results as JSON"}}},
        .words_max = 1,
        .run = run_txn};
}

}  // namespace raftbus::cli
