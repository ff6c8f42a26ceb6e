#include "cli/trace_filter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/suggest.hpp"
#include "messages/client.hpp"
#include "messages/text.hpp"

namespace raftbus::cli {
namespace {

// What beats all the time even while nothing happens.
constexpr std::string_view kHeartbeats[] = {"Heartbeat", "HeartbeatReply", "LeaderHeard"};

bool is_heartbeat(std::string_view type) {
    return std::find(std::begin(kHeartbeats), std::end(kHeartbeats), type) != std::end(kHeartbeats);
}

std::vector<std::string> actor_names() {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kActorCount; ++i) {
        names.emplace_back(to_string(static_cast<ActorName>(i)));
    }
    return names;
}

void check_actor(const std::string& actor) {
    const std::vector<std::string> names = actor_names();
    if (std::find(names.begin(), names.end(), actor) != names.end()) return;
    const std::string meant = nearest(actor, names);
    refuse("--actor", actor, fmt::format("is not one of {}", fmt::join(names, ", ")),
           meant.empty() ? std::string{} : fmt::format("did you mean {}?", meant));
}

// A mark is no message, but has a type in the trace.
std::vector<std::string> type_names() {
    std::vector<std::string> names{"Mark"};
    for (MessageType type = 0; type < kMessageCount; ++type) names.emplace_back(name_of(type));
    return names;
}

void check_type(const std::string& glob) {
    const std::vector<std::string> names = type_names();
    const auto fits = [&](const std::string& name) { return matches_glob(name, glob); };
    if (std::any_of(names.begin(), names.end(), fits)) return;
    const std::string meant = nearest(glob, names);
    refuse("--type", glob, "fits the name of no message",
           meant.empty() ? "the names are those of docs/architecture.md, such as AppendEntries; "
                           "'*Vote*' stands for several"
                         : fmt::format("did you mean {}?", meant));
}

NodeId node_from(std::string_view word) {
    std::string_view digits = word;
    if (digits.starts_with('n')) digits.remove_prefix(1);
    const auto node = number_from(digits);
    if (!node || *node == 0 || *node > UINT32_MAX)
        refuse("--node", word, "is not a node", "write 2 or n2");
    return NodeId(static_cast<std::uint32_t>(*node));
}

// A mark reads "Set colour (3 B)": the operation, then the key.
bool names_key(std::string_view mark, std::string_view key) {
    const std::size_t space = mark.find(' ');
    if (space == std::string_view::npos) return false;
    const std::string_view rest = mark.substr(space + 1);
    return rest == key || rest.starts_with(std::string(key) + " (");
}

}  // namespace

bool matches_glob(std::string_view text, std::string_view pattern) {
    if (pattern.empty()) return text.empty();
    if (pattern.front() == '*') {
        return matches_glob(text, pattern.substr(1)) ||
               (!text.empty() && matches_glob(text.substr(1), pattern));
    }
    if (text.empty() || (pattern.front() != '?' && pattern.front() != text.front())) return false;
    return matches_glob(text.substr(1), pattern.substr(1));
}

const std::vector<OptionSpec>& trace_filter_specs() {
    static const std::vector<OptionSpec> specs = {
        {.name = "node", .value = "N,…", .help = "only these nodes"},
        {.name = "actor",
         .value = "NAME,…",
         .help = "only these: election, replicator, storage, state_machine, gateway, bus"},
        {.name = "type", .value = "GLOB,…", .help = "only messages of these names, 'RequestVote*'"},
        {.name = "term", .value = "N", .help = "only messages of this term"},
        {.name = "key", .value = "KEY", .help = "only requests about this key"},
        {.name = "request", .value = "ID", .help = "only this request, n1-7f3a-42"},
        {.name = "heartbeats", .value = "", .help = "heartbeats too"},
    };
    return specs;
}

TraceFilter TraceFilter::from(const Options& options) {
    TraceFilter filter;
    for (const std::string& node : split(options.text("node"), ','))
        filter.nodes_.insert(node_from(node));
    filter.actors_ = split(options.text("actor"), ',');
    for (const std::string& actor : filter.actors_) check_actor(actor);
    filter.types_ = split(options.text("type"), ',');
    for (const std::string& type : filter.types_) check_type(type);
    filter.term_ = Term(options.number("term").value_or(0));
    filter.key_ = client::printable(options.text("key"));
    if (const Setting* request = options.find("request")) {
        const auto id = request_from_text(request->value);
        if (!id)
            refuse(request->where, request->value, "is not a request", "it looks like n1-7f3a-42");
        filter.requests_.insert(*id);
    }
    filter.by_request_ = options.given("request") || options.given("key");
    const bool type_asks =
        std::any_of(filter.types_.begin(), filter.types_.end(), [](const std::string& type) {
            return type != "*" &&
                   std::any_of(std::begin(kHeartbeats), std::end(kHeartbeats),
                               [&](std::string_view beat) { return matches_glob(beat, type); });
        });
    filter.heartbeats_ = options.on("heartbeats") || type_asks || filter.by_request_;
    return filter;
}

bool TraceFilter::wants(const TraceEvent& event) {
    if (!heartbeats_ && is_heartbeat(event.type)) return false;
    if (by_request_ && !of_wanted_request(event)) return false;
    if (!nodes_.empty() && !nodes_.contains(event.node)) return false;
    if (term_ && event.term != term_) return false;
    const std::string_view actor = to_string(event.actor);
    if (!actors_.empty() && std::find(actors_.begin(), actors_.end(), actor) == actors_.end())
        return false;
    return types_.empty() ||
           std::any_of(types_.begin(), types_.end(),
                       [&](const std::string& type) { return matches_glob(event.type, type); });
}

bool TraceFilter::of_wanted_request(const TraceEvent& event) {
    if (!key_.empty() && event.kind == TraceKind::mark && event.request &&
        names_key(event.text, key_)) {
        requests_.insert(event.request);
    }
    return event.request && requests_.contains(event.request);
}

}  // namespace raftbus::cli
