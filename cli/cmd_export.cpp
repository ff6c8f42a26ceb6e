// export, import: keys as JSON lines, for other programs and for people.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>

#include "cli/bulk.hpp"
#include "cli/display.hpp"
#include "cli/files.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/state_copy.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

constexpr std::uint64_t kNumbersEnd = std::uint64_t{1} << 53;

std::string line_of(std::string_view key, const KvFound& found, WallTime clock) {
    Value::Map map{{"key", Blob{std::string(key)}},
                   {"value", Blob{std::string(found.value)}},
                   {"revision", found.revision}};
    if (found.expires_at)
        map.emplace_back("ttl_ms", static_cast<std::uint64_t>(
                                       (found.expires_at.value - clock.value + 999) / 1000));
    return to_json(map);
}

std::string file_word(const Session& session) {
    return session.options.words.empty() ? "-" : session.options.words[0];
}

Exit run_export(Session& session) {
    const std::string path = file_word(session);
    const StateCopy copy = session.options.given("backup")
                               ? StateCopy::unpacked(session, session.options.text("backup"))
                               : StateCopy::fetched(session);
    std::ofstream file;
    errno = 0;
    if (path != "-") file.open(path, std::ios::binary | std::ios::trunc);
    std::ostream& out = path == "-" ? session.output.out : file;
    const auto check = [&] {
        if (!out)
            throw Failure(Exit::refused,
                          with_reason("cannot write " + (path == "-" ? "the output" : path)));
    };
    check();
    const WallTime clock = copy.archive().progress().clock;
    std::uint64_t keys = 0;
    const Status read = copy.archive().each(session.options.text("prefix"),
                                            [&](std::string_view key, const KvFound& found) {
                                                if (found.expires_at && found.expires_at <= clock)
                                                    return true;
                                                out << line_of(key, found, clock) << '\n';
                                                ++keys;
                                                return bool(out);
                                            });
    if (!read) throw Failure(Exit::refused, read.error().message, "do it again");
    out.flush();
    check();
    session.output.note(
        fmt::format("{} keys, as they are at revision {}", keys, copy.head().revision));
    return Exit::done;
}

// ---- import

// One line of the input; the error says what is wrong with it.
Result<Value::Map> request_of(const std::string& line) {
    const auto value = from_json(line);
    if (!value) return value.error();
    const Value::Map* map = std::get_if<Value::Map>(&value->data);
    if (map == nullptr) return Error{"not a JSON object"};
    Value::Map request{{"op", "SET"}};
    bool has_key = false, has_value = false;
    for (const auto& [name, field] : *map) {
        const bool bytes = std::holds_alternative<std::string>(field.data) ||
                           std::holds_alternative<Blob>(field.data);
        if (name == "key" || name == "value") {
            if (!bytes)
                return Error{
                    fmt::format("the field '{}' is neither a string nor "
                                "{{\"base64\": …}}",
                                name)};
            request.emplace_back(name, Blob{std::string(field.text())});
            (name == "key" ? has_key : has_value) = true;
        } else if (name == "ttl_ms") {
            const std::uint64_t ttl = field.number();
            if (ttl == 0 || ttl >= kNumbersEnd)
                return Error{"the field 'ttl_ms' is no number from 1"};
            request.emplace_back(name, ttl);
        } else if (name != "revision") {
            return Error{fmt::format("the field {} is not known", in_quotes(name))};
        }
    }
    if (!has_key || !has_value)
        return Error{fmt::format("the field '{}' is missing", has_key ? "value" : "key")};
    if (request[1].first == "key" && request[1].second.text().empty())
        return Error{"the key is empty"};
    return request;
}

std::string_view key_of(const Value::Map& request) {
    for (const auto& [name, value] : request)
        if (name == "key") return value.text();
    return {};
}

// Every line is looked at before the first one is written. What comes from a pipe is kept in a file
// meanwhile.
class Lines {
public:
    explicit Lines(const std::string& path) : path_(path) {
        if (path == "-") {
            spool_.reset(std::tmpfile());
            if (!spool_)
                throw Failure(Exit::refused, with_reason("cannot make a temporary file"),
                              "what comes from a pipe is kept in /tmp until it has been checked");
        } else {
            file_.open(path, std::ios::binary);
            if (!file_.is_open())
                throw Failure(Exit::refused, with_reason("cannot read " + path),
                              "name a file with a JSON object on each line; - is stdin");
        }
    }

    // How many there are. Throws Failure that names the first that is wrong.
    std::uint64_t check() {
        std::uint64_t number = 0, keys = 0;
        std::istream& in = path_ == "-" ? std::cin : file_;
        for (std::string line; std::getline(in, line);) {
            ++number;
            if (spool_) {
                line += '\n';
                if (std::fwrite(line.data(), 1, line.size(), spool_.get()) != line.size())
                    throw Failure(Exit::refused, "no room for the input in a temporary file");
                line.pop_back();
            }
            if (line.empty()) continue;
            const auto request = request_of(line);
            if (!request)
                throw Failure(Exit::refused,
                              fmt::format("{}, line {}: {}", path_ == "-" ? "stdin" : path_, number,
                                          request.error().message),
                              "nothing was written; a line reads {\"key\": …, \"value\": …}");
            ++keys;
        }
        if (spool_) std::rewind(spool_.get());
        file_.clear();
        if (!spool_) file_.seekg(0);
        return keys;
    }

    std::optional<std::string> next() {
        std::string line;
        if (!spool_) {
            if (!std::getline(file_, line)) return std::nullopt;
            return line;
        }
        int c = 0;
        while ((c = std::fgetc(spool_.get())) != EOF && c != '\n') line += static_cast<char>(c);
        if (c == EOF && line.empty()) return std::nullopt;
        return line;
    }

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::string path_;
    std::ifstream file_;
    std::unique_ptr<std::FILE, Close> spool_;
};

Exit run_import(Session& session) {
    Lines lines(file_word(session));
    const std::uint64_t all = lines.check();
    const std::string prefix = session.options.text("prefix");
    const bool if_absent = session.options.on("if-absent");
    BulkWriter bulk(*session.client, session.options.number("window").value_or(256));
    std::uint64_t looked_at = 0, written = 0;
    {
        Progress progress(session.output);
        while (const auto line = lines.next()) {
            if (line->empty()) continue;
            Value::Map request = request_of(*line).value();
            progress.count("importing", ++looked_at, all, "keys");
            if (!key_of(request).starts_with(prefix)) continue;
            if (if_absent) request.emplace_back("if_revision", std::uint64_t(0));
            bulk.write(std::move(request));
            ++written;
        }
        bulk.finish();
    }
    const std::uint64_t present = bulk.conditions_failed();
    print_record(
        session.output, {{"written", written - present}, {"left_alone", present}, {"lines", all}},
        fmt::format(
            "wrote {} keys{}", written - present,
            present == 0 ? "" : fmt::format("; {} were there and were left alone", present)));
    return Exit::done;
}

}  // namespace

Verb export_verb() {
    return {.name = "export",
            .group = "Care",
            .synopsis = "[FILE]",
            .summary = "write keys as JSON lines, all as they are at one revision",
            .details =
                "A line is an object with key, value, revision and, if the key has a time, ttl_ms, "
                "what is left of it.\n"
                "Bytes that are not UTF-8 read {\"base64\": …}. Without FILE, or with -: stdout.",
            .options = {{.name = "prefix", .value = "PREFIX", .help = "keys that begin so, alone"},
                        {.name = "backup",
                         .value = "FILE",
                         .help = "from this backup, and not from the cluster"},
                        kTmpOption},
            .examples = {{{"raftbus export keys.jsonl", "everything"},
                          {"raftbus export --prefix user/ | jq .key", "some of it, for a script"},
                          {"raftbus export --backup monday.rbb | grep colour",
                           "what did it say on Monday?"}}},
            .words_max = 1,
            .in_shell = false,
            .run = run_export};
}

Verb import_verb() {
    return {.name = "import",
            .group = "Care",
            .synopsis = "[FILE]",
            .summary = "write keys from JSON lines",
            .details =
                "Reads what export writes; a line needs key and value, and may have ttl_ms. "
                "revision is not looked\n"
                "at. Every line is checked before the first one is written. Without FILE, or with "
                "-: stdin.",
            .options = {{.name = "prefix", .value = "PREFIX", .help = "keys that begin so, alone"},
                        {.name = "if-absent",
                         .value = "",
                         .help = "leave keys alone that are there already"},
                        {.name = "window",
                         .value = "N",
                         .help = "writes under way at a time (default 256, at most 1024)"}},
            .examples = {{{"raftbus import keys.jsonl", "write all of them"},
                          {"raftbus import keys.jsonl --if-absent", "only what is missing"},
                          {"raftbus export -e a:7238 | raftbus import -e b:7238",
                           "from one cluster to another"}}},
            .words_max = 1,
            .in_shell = false,
            .run = run_import};
}

}  // namespace raftbus::cli
