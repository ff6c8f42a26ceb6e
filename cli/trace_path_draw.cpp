// The picture of a request's path: see trace_path.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/display.hpp"
#include "cli/trace_draw.hpp"
#include "cli/trace_path.hpp"

namespace raftbus::cli {
namespace {

constexpr std::size_t kTypeColumns = 20;
constexpr std::size_t kDetailColumns = 42;

std::string ms(std::int64_t us) {
    return milliseconds_text(std::chrono::microseconds(us));
}

// What took time once the message was on its way.
std::string note_of(const Hop& hop, bool completes_quorum, bool unicode) {
    std::vector<std::string> notes;
    if (hop.crosses() && hop.handled)
        notes.push_back("wire " + ms(hop.transit_us));
    else if (hop.transit_us >= 10 && !hop.mark)
        notes.push_back("queued " + ms(hop.transit_us));
    if (hop.actor == ActorName::storage && hop.worked_us > 0)
        notes.push_back("synced " + ms(hop.worked_us));
    if (!hop.handled) notes.push_back("not seen to arrive");
    if (completes_quorum) notes.push_back(unicode ? "← quorum" : "<- quorum");
    return fmt::format("{}", fmt::join(notes, ", "));
}

std::string line_of(const Output& output, const Hop& hop, bool first, const std::string& note) {
    const std::string step = first ? "" : "+" + ms(hop.step_us);
    const std::string_view crossing = !hop.crosses() ? " " : output.unicode ? "↪" : ">";
    std::string line = fmt::format(
        "{:>8}  {:<7}{}  n{} {} {} {} {}", ms(hop.at_us), step, crossing, hop.node.value,
        output.painted(padded(to_string(hop.actor), 14), colour_of(hop.actor)),
        padded(hop.type, kTypeColumns),
        padded(shortened(hop.details, kDetailColumns), kDetailColumns), note);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

// The longest single thing on the way to the reply, in words.
std::string slowest_step(const TracePath& path) {
    std::int64_t longest = 0;
    std::string words;
    const auto consider = [&](std::int64_t us, std::string what) {
        if (us <= longest) return;
        longest = us;
        words = std::move(what);
    };
    for (const Hop& hop : path.hops) {
        if (!hop.waited_for) continue;
        const ActorName sender = hop.mark ? hop.actor : hop.message.sender.actor;
        consider(hop.step_us, sender == ActorName::storage
                                  ? fmt::format("disk sync on n{}", hop.from.value)
                                  : fmt::format("{} on n{} before {}", to_string(sender),
                                                hop.from.value, hop.type));
        if (hop.at_us >= path.total_us) continue;
        consider(hop.transit_us,
                 hop.crosses()
                     ? fmt::format("network n{} to n{}", hop.from.value, hop.node.value)
                     : fmt::format("queue of {} on n{}", to_string(hop.actor), hop.node.value));
    }
    if (words.empty() || path.total_us == 0) return {};
    const auto percent = std::min<std::int64_t>(100, longest * 100 / path.total_us);
    return fmt::format("slowest step: {} ({} %)", words, percent);
}

// Nodes that the answer did not need, with the last that came from each.
std::string not_waited_for(const TracePath& path) {
    std::set<NodeId> needed;
    for (const Hop& hop : path.hops) {
        if (!hop.waited_for) continue;
        needed.insert(hop.node);
        needed.insert(hop.from);
    }
    std::map<NodeId, const Hop*> others;
    for (const Hop& hop : path.hops) {
        const bool too_late = hop.at_us + hop.transit_us > path.total_us;
        if (hop.crosses() && too_late && !needed.contains(hop.from)) others[hop.from] = &hop;
    }
    std::vector<std::string> parts;
    for (const auto& [node, hop] : others) {
        parts.push_back(
            fmt::format("n{} ({} at {})", node.value, hop->type, ms(hop->at_us + hop->transit_us)));
    }
    return parts.empty() ? std::string{}
                         : fmt::format("not waited for: {}", fmt::join(parts, ", "));
}

// The last acknowledgement on the way to the reply: with it the entry was committed. Null for a
// read.
const Hop* completing_quorum(const TracePath& path) {
    const Hop* last = nullptr;
    for (const Hop& hop : path.hops) {
        const bool acknowledges = hop.type == "Appended" || hop.type == "AppendEntriesReply";
        if (hop.waited_for && acknowledges) last = &hop;
    }
    return last;
}

}  // namespace

std::string draw_path(const Output& output, const TracePath& path) {
    if (path.hops.empty()) return "  no events of this request came in\n";
    const Hop* quorum = completing_quorum(path);
    std::string text;
    for (const Hop& hop : path.hops) {
        if (hop.at_us > path.total_us) break;
        text += line_of(output, hop, &hop == &path.hops.front(),
                        note_of(hop, &hop == quorum, output.unicode));
    }
    const std::string slowest = slowest_step(path);
    const std::string others = not_waited_for(path);
    if (!slowest.empty() || !others.empty()) {
        text += fmt::format("  {}{}{}\n", slowest,
                            slowest.empty() || others.empty() ? "" : "      ", others);
    }
    if (path.clocks_shifted_us > 0) {
        text += fmt::format("  the nodes' clocks differ by up to {} ms; times are corrected\n",
                            ms(path.clocks_shifted_us));
    }
    return text;
}

}  // namespace raftbus::cli
