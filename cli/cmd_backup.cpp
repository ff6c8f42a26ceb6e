// backup, restore: the state of a cluster as one file, and back.
#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <thread>

#include "cli/bulk.hpp"
#include "cli/display.hpp"
#include "cli/progress.hpp"
#include "cli/state_copy.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;

// A cluster that has just been formed comes to speak the newest version within that.
constexpr auto kVersionPatience = 6s;
constexpr auto kVersionPause = 100ms;

std::string date_text(std::uint64_t made_ms) {
    const auto seconds = static_cast<std::time_t>(made_ms / 1000);
    std::tm date{};
    gmtime_r(&seconds, &date);
    char text[32];
    std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &date);
    return text;
}

Value::Map record_of(const BackupHead& head) {
    return {{"cluster", head.cluster}, {"node", head.node},     {"revision", head.revision},
            {"term", head.term},       {"digest", head.digest}, {"time_us", head.time_us},
            {"made_ms", head.made_ms}, {"size", head.size},     {"version", head.version}};
}

std::string line_of(const BackupHead& head) {
    return fmt::format("cluster {} up to revision {}, {}, made {}", in_quotes(head.cluster),
                       head.revision, bytes_text(head.size), date_text(head.made_ms));
}

Exit verify(Session& session, const std::string& path) {
    const StateCopy copy = StateCopy::unpacked(session, path);
    Value::Map record = record_of(copy.head());
    record.emplace_back("keys", copy.counts().keys);
    record.emplace_back("sound", true);
    print_record(session.output, record,
                 fmt::format("sound: {}, {} keys", line_of(copy.head()), copy.counts().keys));
    return Exit::done;
}

Exit run_backup(Session& session) {
    const std::string& path = session.options.words[0];
    if (session.options.on("verify")) return verify(session, path);
    if (path == "-" && session.output.out_terminal)
        throw Failure(Exit::refused, "a backup is no text for a terminal",
                      "name a file, or send the output somewhere");
    std::error_code error;
    if (path != "-" && std::filesystem::exists(path, error) && !session.options.on("force"))
        throw Failure(Exit::refused, path + " is there already",
                      "name another file; --force takes its place");
    BackupWriter writer(path, session.output.out);
    BackupHead kept;
    fetch_backup(
        session,
        [&](const BackupHead& head) {
            kept = head;
            writer.begin(head);
        },
        [&](std::string_view bytes) { writer.add(bytes); });
    writer.finish();
    if (path == "-") {
        session.output.note(line_of(kept));
        return Exit::done;
    }
    Value::Map record = record_of(kept);
    record.emplace_back("file", path);
    print_record(session.output, record, fmt::format("{}: {}", path, line_of(kept)));
    return Exit::done;
}

// How many keys there are, none of which is longer than `longest`.
std::uint64_t count_keys(Client& client, std::size_t longest) {
    const std::string end(longest + 1, '\xff');
    std::uint64_t keys = 0;
    for (std::string start;;) {
        const Reply reply = client.call({{"op", "SCAN"},
                                         {"start", Blob{start}},
                                         {"end", Blob{end}},
                                         {"limit", std::uint64_t(10'000)},
                                         {"keys_only", true}},
                                        Effect::reads);
        const Value& body = succeeded(reply).body;
        const Value::List& items = body["items"].list();
        keys += items.size();
        if (!body["more"].is_true() || items.empty()) return keys;
        start = std::string(items.back()[0].text()) + '\0';
    }
}

void refuse_unless_empty(Session& session) {
    if (session.options.on("force")) return;
    Client& client = *session.client;
    const Reply reply =
        client.call({{"op", "SCAN"}, {"prefix", ""}, {"keys_only", true}}, Effect::reads);
    const Value& body = succeeded(reply).body;
    const std::size_t keys = body["items"].list().size();
    if (keys == 0) return;
    std::string text = fmt::format("{} key{}", keys, keys == 1 ? "" : "s");
    if (body["more"].is_true()) {
        const Reply status = client.call({{"op", "STATUS"}}, Effect::reads);
        text = fmt::format("about {} keys", succeeded(status).body["keys"].number());
    }
    throw Failure(Exit::refused, fmt::format("the cluster holds {} already", text),
                  "restore into an empty cluster; --force writes the backup's keys over what is "
                  "there and leaves all others");
}

// Revisions of the restored cluster are greater than all that anybody remembers of the old one, and
// sessions and watches of the old one end with an error that says why.
void begin_incarnation(Session& session, std::uint64_t above) {
    const auto until = std::chrono::steady_clock::now() + kVersionPatience;
    for (;;) {
        const Reply reply =
            session.client->call({{"op", "INCARNATE"}, {"above", above}}, Effect::reads);
        if (reply.ok())
            return session.output.note(
                fmt::format("revisions go on from {}", reply.body["revision"].number()));
        const bool may_come = reply.error() == "BAD_REQUEST" || reply.error() == "UNSUPPORTED";
        if (!may_come) (void)succeeded(reply);
        if (std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(kVersionPause);
            continue;
        }
        return session.output.note(
            "warning: a node of this cluster is of an older release, or has never been up: "
            "revisions may be smaller than those of the old cluster, and so may fencing tokens");
    }
}

// What is left of its time at the backup's revision; none: it never goes. 0: it is gone.
std::optional<std::uint64_t> ttl_left_ms(const KvFound& found, WallTime clock) {
    if (!found.expires_at) return std::nullopt;
    const std::int64_t left_us = found.expires_at.value - clock.value;
    return left_us <= 0 ? 0 : static_cast<std::uint64_t>((left_us + 999) / 1000);
}

Exit run_restore(Session& session) {
    const StateCopy copy = StateCopy::unpacked(session, session.options.words[0]);
    refuse_unless_empty(session);
    begin_incarnation(session, copy.head().revision);
    const WallTime clock = copy.archive().progress().clock;
    std::uint64_t written = 0, timed = 0, gone = 0;
    std::size_t longest = 0;
    {
        Progress progress(session.output);
        BulkWriter bulk(*session.client, session.options.number("window").value_or(256));
        const Status read =
            copy.archive().each("", [&](std::string_view key, const KvFound& found) {
                const auto ttl = ttl_left_ms(found, clock);
                if (ttl == std::optional<std::uint64_t>(0)) {
                    ++gone;
                    return true;
                }
                Value::Map set{{"op", "SET"},
                               {"key", Blob{std::string(key)}},
                               {"value", Blob{std::string(found.value)}}};
                if (ttl) set.emplace_back("ttl_ms", *ttl);
                timed += ttl.has_value();
                longest = std::max(longest, key.size());
                bulk.write(std::move(set));
                progress.count("restoring", ++written, copy.counts().keys, "keys");
                return true;
            });
        if (!read) throw Failure(Exit::refused, read.error().message, "take another backup");
        bulk.finish();
    }
    // Keys with a time may have gone since.
    const std::uint64_t there = count_keys(*session.client, longest);
    if (there + timed < written)
        throw Failure(Exit::refused,
                      fmt::format("{} keys were written, and {} are there", written, there),
                      "does somebody else write to this cluster?");
    print_record(session.output,
                 {{"written", written}, {"with_ttl", timed}, {"expired", gone}, {"keys", there}},
                 fmt::format("restored {} keys, {} of them with the time they had left; {} keys "
                             "are there",
                             written, timed, there));
    return Exit::done;
}

}  // namespace

Verb backup_verb() {
    return {.name = "backup",
            .group = "Care",
            .synopsis = "FILE",
            .summary = "write the whole state to a file, as it is at one revision",
            .details =
                "Everything that was acknowledged before is in it. The cluster works on. FILE "
                "appears when it is\n"
                "whole and on the disk; - is stdout. --verify reads a file that is there: every "
                "byte, block and record.\n"
                "Revisions and sessions are in the file, but a cluster that it is restored into "
                "gives new revisions.",
            .options = {{.name = "verify", .value = "", .help = "check FILE, and write nothing"},
                        {.name = "force", .value = "", .help = "although FILE is there"},
                        kTmpOption},
            .examples = {{{"raftbus backup monday.rbb", "from whichever node answers"},
                          {"raftbus backup - | ssh safe 'cat > monday.rbb'", "to another machine"},
                          {"raftbus backup --verify monday.rbb", "could it be restored?"}}},
            .words_min = 1,
            .words_max = 1,
            .in_shell = false,
            .run = run_backup};
}

Verb restore_verb() {
    return {
        .name = "restore",
        .group = "Care",
        .synopsis = "FILE",
        .summary = "write what a backup holds into an empty cluster",
        .details =
            "The file is checked as a whole first. Keys get new revisions, far above all that the "
            "cluster and\n"
            "the backup know, so that revisions and fencing tokens never fall; those with a "
            "time the time that\n"
            "they had left. Sessions are not restored. Interrupted, it can be done again with "
            "--force.",
        .options = {{.name = "force",
                     .value = "",
                     .help = "into a cluster that holds keys: those of the backup are "
                             "overwritten"},
                    {.name = "window",
                     .value = "N",
                     .help = "writes under way at a time (default 256, at most 1024)"},
                    kTmpOption},
        .examples = {{{"raftbus restore monday.rbb -e 10.0.0.1:7238", "into a new cluster"},
                      {"raftbus restore monday.rbb --force", "over what is there"},
                      {"raftbus restore big.rbb --tmp /var/tmp", "room for the unpacked state"}}},
        .words_min = 1,
        .words_max = 1,
        .in_shell = false,
        .run = run_restore};
}

}  // namespace raftbus::cli
