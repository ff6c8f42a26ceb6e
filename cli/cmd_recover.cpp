// recover: one survivor goes on alone, when the majority of the voters is lost for ever.
#include <fmt/format.h>

#include "cli/offline.hpp"
#include "cli/verb.hpp"
#include "messages/text.hpp"
#include "storage/disk_posix.hpp"
#include "storage/sole_survivor.hpp"

namespace raftbus::cli {
namespace {

std::string removed_text(const SoleSurvivor& plan) {
    std::string text;
    for (const NodeId node : plan.configuration.removed)
        text += (text.empty() ? "" : ", ") + to_text(node);
    return text.empty() ? "nobody" : text;
}

Value::Map record(const Inspection& found, const SoleSurvivor& plan, bool done) {
    Value::List removed;
    for (const NodeId node : plan.configuration.removed)
        removed.emplace_back(std::uint64_t{node.value});
    return {{"node", std::uint64_t(found.identity->node.value)},
            {"done", done},
            {"last", found.log->last.index.value},
            {"last_term", found.log->last.term.value},
            {"certain", found.state ? found.state->applied.index.value : 0},
            {"index", plan.index.value},
            {"term", plan.term.value},
            {"removed", removed}};
}

void tell_plan(const Output& output, const Inspection& found, const SoleSurvivor& plan) {
    const std::uint64_t certain = found.state ? found.state->applied.index.value : 0;
    const std::uint64_t last = plan.index.previous().value;
    output.out << fmt::format(
        "what would be done:\n"
        "  node {0} becomes the only voter of its cluster, by entry {1} of term {2}\n"
        "  removed for ever, and refused when they come back: {3}\n"
        "what that means:\n"
        "  up to entry {4} everything is certain: it is in the state\n"
        "  {5}\n"
        "  writes that the others acknowledged, and this node never got, are lost. Compare\n"
        "  raftbus check of all survivors: the one to choose has the highest term of its last\n"
        "  entry, and among equals the longest log\n"
        "Nothing was changed. With --yes it is done\n",
        found.identity->node.value, plan.index.value, plan.term.value, removed_text(plan), certain,
        last > certain
            ? fmt::format("entries {} to {} may have been committed or not: they are kept, and "
                          "count",
                          certain + 1, last)
            : std::string("the log holds nothing beyond that"));
}

Exit run_recover(Session& session) {
    const std::string& directory = session.options.words[0];
    const bool yes = session.options.on("yes");
    try {
        const Inspection found = inspect_directory(session, directory);
        if (session.output.format != Format::json)
            print_inspection(session.output, directory, found);
        if (!found.sound())
            throw Failure(Exit::refused, "damaged data are nothing to go on with",
                          "choose another survivor; if there is none, restore a backup into a new "
                          "cluster");
        const Result<SoleSurvivor> plan = plan_sole_survivor(found);
        if (!plan) throw Failure(Exit::refused, plan.error().message);
        if (yes) {
            const auto disk = open_posix_disk(directory);
            if (!disk) throw Failure(Exit::refused, disk.error().message);
            const Status done = become_sole_survivor(**disk, found, *plan);
            give_to_owner(directory);
            if (!done) throw Failure(Exit::refused, done.error().message);
        }
        if (session.output.format == Format::json) {
            print_json(session.output, record(found, *plan, yes));
        } else if (yes) {
            session.output.out << fmt::format(
                "done: node {} is the only voter. Start it, then add others with --join and ids "
                "that were never used;\nwhat is left of {} must be emptied before\n",
                found.identity->node.value, removed_text(*plan));
        } else {
            tell_plan(session.output, found, *plan);
        }
        return Exit::done;
    } catch (const DiskFailed& failed) {
        throw Failure(Exit::refused, failed.what(), "the disk does not work: look at it first");
    }
}

}  // namespace

Verb recover_verb() {
    std::vector<OptionSpec> options = offline_options();
    options.push_back(
        {.name = "yes", .value = "", .help = "do it, and not only say what it means"});
    return {.name = "recover",
            .group = "Care",
            .synopsis = "DIR",
            .summary = "go on with one survivor alone, when the majority is lost for ever",
            .details =
                "The last resort: acknowledged writes may be lost by it. DIR is the data directory "
                "of the survivor\n"
                "with the newest log; it must not run. Without --yes nothing is changed. With it, "
                "this node becomes\n"
                "the only voter, and all others are removed: they are refused for ever, even if "
                "they come back.\n"
                "Then start it, and add new nodes with --join under new ids. Other survivors join "
                "the same way,\n"
                "emptied. The cluster keeps its name and its keys.",
            .options = std::move(options),
            .examples = {{{"raftbus check n1; raftbus check n3", "whose log is the newest?"},
                          {"raftbus recover n1", "what it would mean"},
                          {"raftbus recover n1 --yes", "do it"}}},
            .words_min = 1,
            .words_max = 1,
            .speaks_to_cluster = false,
            .in_shell = false,
            .run = run_recover};
}

}  // namespace raftbus::cli
