// set, delete, no-op: the writes.
#include <fmt/format.h>

#include <iostream>

#include "cli/display.hpp"
#include "cli/files.hpp"
#include "cli/traced_request.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

const OptionSpec kIfRevision{
    .name = "if-revision",
    .value = "N",
    .help = "only if the key's last write has this revision; 0: only if absent"};
const OptionSpec kIfValue{
    .name = "if-value", .value = "VALUE", .help = "only if the key is there with this value"};
const OptionSpec kTrace{.name = "trace",
                        .value = "",
                        .help = "then show the path of the request through all actors and nodes"};

const OptionSpec kNoRetry{
    .name = "no-retry",
    .value = "",
    .help = "send it once, without a session: an attempt without an answer is not repeated"};

// "-" reads stdin, "@file" a file; "@@text" stands for "@text".
std::string value_from(const std::string& word) {
    if (word == "-") return read_all(std::cin, kMessageBytesMax);
    if (!word.starts_with('@')) return word;
    if (word.starts_with("@@")) return word.substr(1);
    return read_file(word.substr(1), "the value", kMessageBytesMax,
                     "a value that begins with @ names a file; write @@ for a plain @");
}

void add_conditions(Value::Map& request, const Options& options) {
    const auto revision = options.number("if-revision");
    if (revision && options.on("if-absent")) {
        throw Failure(Exit::refused, "--if-revision and --if-absent exclude each other",
                      "--if-absent is --if-revision 0");
    }
    if (revision) request.emplace_back("if_revision", *revision);
    if (options.on("if-absent")) request.emplace_back("if_revision", std::uint64_t(0));
    if (const Setting* value = options.find("if-value")) {
        request.emplace_back("if_value", Blob{value_from(value->value)});
    }
}

Reply write(Session& session, Value::Map request) {
    const Effect effect = session.options.on("no-retry") ? Effect::writes : Effect::writes_once;
    if (session.options.on("trace")) return traced_request(session, std::move(request), effect);
    return session.client->call(std::move(request), effect);
}

// Milliseconds; the server says what is wrong with none.
void add_ttl(Value::Map& request, const Options& options) {
    const auto ttl = options.duration("ttl", std::chrono::seconds(1));
    if (!ttl) return;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*ttl).count();
    if (ms <= 0) refuse("--ttl", options.text("ttl"), "a key lives for a millisecond at least");
    request.emplace_back("ttl_ms", static_cast<std::uint64_t>(ms));
}

Value::Map written(const Reply& reply) {
    return {{"ok", true}, {"revision", reply.body["revision"]}};
}

Exit run_set(Session& session) {
    const auto& words = session.options.words;
    Value::Map request{
        {"op", "SET"}, {"key", Blob{words[0]}}, {"value", Blob{value_from(words[1])}}};
    add_conditions(request, session.options);
    add_ttl(request, session.options);
    const Reply reply = write(session, std::move(request));
    succeeded(reply);
    if (!session.options.on("trace")) {
        print_record(session.output, written(reply),
                     fmt::format("OK revision {}", reply.body["revision"].number()));
    }
    return Exit::done;
}

Exit run_delete(Session& session) {
    const std::string& key = session.options.words[0];
    Value::Map request{{"op", "DELETE"}, {"key", Blob{key}}};
    add_conditions(request, session.options);
    const Reply reply = write(session, std::move(request));
    succeeded(reply);
    const bool found = reply.body["found"].is_true();
    Value::Map record = written(reply);
    record.emplace_back("found", found);
    const std::string line = fmt::format("OK revision {}", reply.body["revision"].number());
    if (!session.options.on("trace") && (found || session.output.format == Format::json)) {
        print_record(session.output, record, line);
    }
    if (found) return Exit::done;
    session.output.note(fmt::format("key {} was not there", in_quotes(key)));
    return Exit::answered_no;
}

Exit run_no_op(Session& session) {
    const Reply reply = write(session, {{"op", "NO-OP"}});
    succeeded(reply);
    if (!session.options.on("trace")) {
        print_record(session.output, written(reply),
                     fmt::format("OK revision {}", reply.body["revision"].number()));
    }
    return Exit::done;
}

}  // namespace

Verb set_verb() {
    return {
        .name = "set",
        .group = "Data",
        .synopsis = "KEY VALUE",
        .summary = "write a value",
        .details =
            "VALUE is taken as it is; - reads it from stdin and @FILE from a file (@@ is a plain "
            "@).\n"
            "Exit 1: a condition did not hold. Exit 4: not executed, safe to try again.\n"
            "Exit 5: no answer in time, the write may or may not have happened. Until then it is\n"
            "tried again in a session, in which it happens once however often it is sent.",
        .options = {kIfRevision,
                    {.name = "if-absent", .value = "", .help = "only if the key is not there"},
                    kIfValue,
                    {.name = "ttl",
                     .value = "TIME",
                     .help = "the key goes by itself after that, 10s or 500ms"},
                    kNoRetry,
                    kTrace},
        .examples = {{{"raftbus set colour red", "write one key"},
                      {"raftbus set lock me --if-absent --ttl 10s",
                       "take a lock for ten seconds: exit 1 if somebody has it"},
                      {"raftbus set photo @cat.jpg --trace",
                       "write a file's content and see the way it takes"}}},
        .words_min = 2,
        .words_max = 2,
        .words = Words::keys,
        .run = run_set};
}

Verb delete_verb() {
    return {
        .name = "delete",
        .group = "Data",
        .synopsis = "KEY",
        .summary = "remove a key",
        .details = "Exit 1: the key was not there, or a condition did not hold.",
        .options = {kIfRevision, kIfValue, kNoRetry, kTrace},
        .examples = {{{"raftbus delete colour", "remove a key"},
                      {"raftbus delete lock --if-value me", "give a lock back, only if it is mine"},
                      {"raftbus delete colour --if-revision 1043",
                       "only if nobody has written it since"}}},
        .words_min = 1,
        .words_max = 1,
        .words = Words::keys,
        .run = run_delete};
}

Verb no_op_verb() {
    return {
        .name = "no-op",
        .group = "Data",
        .synopsis = "",
        .summary = "commit an entry that changes nothing",
        .details = "Shows that a majority takes writes now, and how fast.",
        .options = {kNoRetry, kTrace},
        .examples = {{{"raftbus no-op", "does the cluster take writes?"},
                      {"raftbus no-op --trace", "the cheapest write's way through the cluster"},
                      {"raftbus no-op -t 500ms", "exit 0 only if it does within half a second"}}},
        .run = run_no_op};
}

}  // namespace raftbus::cli
