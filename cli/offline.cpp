#include "cli/offline.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/display.hpp"
#include "cli/progress.hpp"
#include "messages/text.hpp"
#include "storage/disk_posix.hpp"

namespace raftbus::cli {
namespace {

std::string log_text(const Inspection& found) {
    if (found.segments == 0) return "none";
    const std::string size = fmt::format("{} in {} segment{}", bytes_text(found.log_bytes),
                                         found.segments, found.segments == 1 ? "" : "s");
    if (!found.log) return size + ": can not be read to its end";
    const RecoveredLog& log = *found.log;
    const std::string range =
        log.last == log.before_first
            ? fmt::format("empty, goes on after entry {}", log.last.index.value)
            : fmt::format("entries {} to {}, the last of term {}",
                          log.before_first.index.next().value, log.last.index.value,
                          log.last.term.value);
    return fmt::format("{}; {}", range, size);
}

std::string vote_text(const RecoveredLog& log) {
    const NodeId vote = log.hard_state.vote;
    return fmt::format("{}, {}", log.hard_state.term.value,
                       vote ? "voted for " + to_text(vote) : "no vote");
}

std::string state_text(const Inspection& found) {
    if (!found.has_state) return "none";
    if (!found.state) return "can not be opened";
    return fmt::format("everything up to entry {}; {} keys, {}, digest {:016x}",
                       found.state->applied.index.value, found.counts.keys,
                       bytes_text(found.state_bytes), found.state->digest);
}

}  // namespace

std::vector<OptionSpec> offline_options() {
    return {{.name = "output",
             .value = "FORMAT",
             .help = "text or json",
             .letter = 'o',
             .choices = "text|json"},
            {.name = "color",
             .value = "WHEN",
             .help = "auto (on terminals, unless NO_COLOR is set), always or never",
             .choices = "auto|always|never"}};
}

Inspection inspect_directory(const Session& session, const std::string& directory) {
    const auto disk = open_disk_to_read(directory);
    if (!disk) throw Failure(Exit::refused, disk.error().message);
    Progress progress(session.output);
    try {
        Inspection found = inspect(
            **disk, directory,
            [&](std::string_view what, auto done, auto all) { progress.bytes(what, done, all); });
        progress.clear();
        if (found.empty())
            throw Failure(Exit::refused, fmt::format("{} holds nothing of a node", directory),
                          "name a node's --data directory");
        return found;
    } catch (const DiskFailed& failed) {
        throw Failure(Exit::refused, failed.what(), "the disk can not be read: look at it first");
    }
}

std::string members_text(const Inspection& found) {
    const auto configuration = found.configuration();
    if (configuration) {
        const bool in_log = found.log && !found.log->configurations.empty();
        const LogIndex at =
            in_log ? found.log->configurations.back().index : found.state->configuration.index;
        return fmt::format("{}, by entry {}", to_text(*configuration), at.value);
    }
    if (found.identity) return to_text(configuration_of(found.identity->members));
    return "not known";
}

void give_to_owner(const std::string& directory) {
    struct stat owner = {};
    if (::geteuid() != 0 || ::stat(directory.c_str(), &owner) != 0 || owner.st_uid == 0) return;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator at(directory, error), end;
         !error && at != end; at.increment(error)) {
        struct stat found = {};
        const std::string path = at->path().string();
        if (::lstat(path.c_str(), &found) != 0 || found.st_uid != 0) continue;
        if (::lchown(path.c_str(), owner.st_uid, owner.st_gid) != 0)
            throw Failure(Exit::refused,
                          fmt::format("{} belongs to root and can't be given away", path),
                          "chown it to the user that runs the node");
    }
}

std::string damage_line(const Damage& damage) {
    if (damage.file.empty()) return escaped(damage.what);
    return fmt::format("{}, offset {}: {}", damage.file, damage.offset, escaped(damage.what));
}

void print_inspection(const Output& output, const std::string& directory, const Inspection& found) {
    const auto line = [&](std::string_view name, const std::string& text) {
        output.out << "  " << padded(name, 9) << text << '\n';
    };
    output.out << directory << ": "
               << (found.identity ? fmt::format("node {} of cluster {}", found.identity->node.value,
                                                in_quotes(found.identity->cluster))
                                  : std::string("whose it is can not be read"))
               << '\n';
    line("log", log_text(found));
    if (found.log) line("term", vote_text(*found.log));
    line("members", members_text(found));
    line("state", state_text(found));
    if (found.identity && found.identity->rejoin_at)
        line("rebuilt", fmt::format("it votes again once its log reaches entry {}",
                                    found.identity->rejoin_at.value));
    for (const Damage& damage : found.harmless) line("harmless", damage_line(damage));
    for (const Damage& damage : found.damages)
        output.out << "  " << output.painted(padded("damaged", 9), Colour::red)
                   << damage_line(damage) << '\n';
    if (found.sound()) {
        output.out << output.painted("sound", Colour::green) << '\n';
        return;
    }
    output.out << "A node does not start on this, or ends when it meets it. Next: raftbus repair "
               << directory << " -e HOST:PORT, with a node that runs; if no majority is left, "
               << "raftbus recover on a sound directory\n";
}

}  // namespace raftbus::cli
