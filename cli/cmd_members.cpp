// members: who makes up the cluster, and changes of it.
#include <fmt/format.h>

#include <algorithm>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

// A node among the members, as far as plans need it.
struct Known {
    std::uint64_t node = 0;
    bool voter = true;
    std::string client;
};

// One op, and the voters that there will be after it.
struct Step {
    std::string op;  // "ADD"
    std::uint64_t node = 0;
    Value::Map request;
    std::vector<std::uint64_t> voters;

    std::size_t quorum() const { return voters.size() / 2 + 1; }
    std::string text() const {
        std::string verb = op;
        std::transform(verb.begin(), verb.end(), verb.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return fmt::format("{} n{}", verb, node);
    }
    Value record() const {
        Value::List list;
        for (const std::uint64_t voter : voters) list.push_back(voter);
        return Value::Map{
            {"op", op}, {"node", node}, {"voters", list}, {"quorum", std::uint64_t(quorum())}};
    }
};

std::uint64_t node_from(std::string_view word) {
    std::string_view digits = word;
    if (digits.starts_with('n')) digits.remove_prefix(1);
    const auto node = number_from(digits);
    if (!node || *node == 0) refuse("members", word, "is not a node", "write 4 or n4");
    return *node;
}

std::string endpoint_from(const std::string& word) {
    const auto endpoint = parse_reachable(word);
    if (!endpoint)
        refuse("members add", word, endpoint.error().message, "write tcp://10.0.0.4:7239");
    return endpoint->text();
}

void print_members(const Output& output, const Value& reply) {
    Records records{{"node", "kind", "peer", "client"}, {}};
    for (const Value& member : reply["members"].list())
        records.rows.push_back({member["node"], member["kind"], member["peer"], member["client"]});
    print_list(output, records);
}

Value ask_members(Session& session) {
    return succeeded(session.client->call({{"op", "MEMBERS"}}, Effect::reads)).body;
}

std::vector<Known> known_from(const Value& reply) {
    std::vector<Known> members;
    for (const Value& m : reply["members"].list())
        members.push_back(
            {m["node"].number(), m["kind"].text() == "voter", std::string(m["client"].text())});
    return members;
}

const Known* find(const std::vector<Known>& members, std::uint64_t node) {
    const auto found = std::ranges::find(members, node, &Known::node);
    return found == members.end() ? nullptr : &*found;
}

// The step, and the members as they will be after it.
Step step(std::vector<Known>& members, const std::string& op, std::uint64_t node,
          Value::Map more = {}) {
    Step step{op, node, {{"op", op}, {"node", node}}, {}};
    step.request.insert(step.request.end(), more.begin(), more.end());
    if (op == "REMOVE") std::erase_if(members, [&](const Known& m) { return m.node == node; });
    if (op == "ADD") members.push_back({node, false, {}});
    for (Known& member : members) {
        if (op == "PROMOTE" && member.node == node) member.voter = true;
        if (op == "DEMOTE" && member.node == node) member.voter = false;
        if (member.voter) step.voters.push_back(member.node);
    }
    std::ranges::sort(step.voters);
    return step;
}

bool answers(Session& session, const std::string& client) {
    if (client.empty()) return false;
    const auto answers =
        session.client->ask_each({client}, {{"op", "STATUS"}}, session.client->timeout());
    return answers.front().reply && answers.front().reply->ok();
}

// NEW has to be there before OLD goes: it answers, it votes, and only then there is one more than
// is needed.
std::vector<Step> plan_replace(Session& session, std::vector<Known> members, std::uint64_t old,
                               std::uint64_t fresh) {
    if (old == fresh) refuse("members replace", "", "a node can not take its own place", "");
    const Known* joined = find(members, fresh);
    if (joined == nullptr)
        throw Failure(Exit::refused, fmt::format("n{} is not a member of this cluster", fresh),
                      fmt::format("start it first: raftbus node --id {} --data DIR --join {} "
                                  "--learner",
                                  fresh, session.client->preferred()));
    if (!answers(session, joined->client))
        throw Failure(Exit::unreachable,
                      fmt::format("n{} does not answer at {}: nothing was changed", fresh,
                                  joined->client.empty() ? "an address for clients"
                                                         : short_form(joined->client)),
                      "it must run before it can take another node's place");
    std::vector<Step> steps;
    const bool votes = joined->voter;
    if (!votes) steps.push_back(step(members, "PROMOTE", fresh));
    if (find(members, old) != nullptr) steps.push_back(step(members, "REMOVE", old));
    return steps;
}

std::vector<Step> plan(Session& session, std::vector<Known> members) {
    const std::vector<std::string>& words = session.options.words;
    const auto takes = [&](std::size_t count, std::string_view synopsis) {
        if (words.size() != count)
            throw Failure(Exit::refused, fmt::format("members {} takes {}", words[0], synopsis),
                          "see raftbus members --help");
    };
    if (words[0] == "add") {
        takes(4, "NODE PEER CLIENT");
        return {step(members, "ADD", node_from(words[1]),
                     {{"peer", endpoint_from(words[2])},
                      {"client", endpoint_from(words[3])},
                      {"learner", session.options.on("learner")}})};
    }
    if (words[0] == "demote") {
        takes(2, "NODE");
        return {step(members, "DEMOTE", node_from(words[1]),
                     {{"learner", session.options.on("learner")}})};
    }
    if (words[0] == "remove" || words[0] == "promote") {
        takes(2, "NODE");
        return {step(members, words[0] == "remove" ? "REMOVE" : "PROMOTE", node_from(words[1]))};
    }
    if (words[0] == "replace") {
        takes(3, "OLD NEW");
        return plan_replace(session, std::move(members), node_from(words[1]), node_from(words[2]));
    }
    refuse("members", words[0], "is not add, remove, promote, demote or replace",
           "see raftbus members --help");
}

void print_plan(const Output& output, const std::vector<Step>& steps) {
    if (output.list_format() == Format::json) {
        Value::List items;
        for (const Step& step : steps) items.push_back(step.record());
        return print_json(output, items);
    }
    Records records{{"step", "voters then", "quorum"}, {}};
    for (const Step& step : steps) {
        std::string voters;
        for (const std::uint64_t voter : step.voters)
            voters += fmt::format("{}n{}", voters.empty() ? "" : ",", voter);
        records.rows.push_back({step.text(), voters, std::uint64_t(step.quorum())});
    }
    print_list(output, records);
}

Exit run_members(Session& session) {
    const Value now = ask_members(session);
    if (session.options.words.empty()) {
        print_members(session.output, now);
        return Exit::done;
    }
    const std::vector<Step> steps = plan(session, known_from(now));
    if (session.options.on("dry-run")) {
        print_plan(session.output, steps);
        return Exit::done;
    }
    Value last = now;
    for (const Step& step : steps) {
        last = succeeded(session.client->call(step.request, Effect::writes)).body;
        session.output.note(step.text() + ": done");
    }
    print_members(session.output, last);
    return Exit::done;
}

}  // namespace

Verb members_verb() {
    return {.name = "members",
            .group = "Cluster",
            .synopsis =
                "[add NODE PEER CLIENT | remove NODE | promote NODE | demote NODE | "
                "replace OLD NEW]",
            .summary =
                "the nodes that make up the cluster; add, remove, promote, demote or replace one",
            .details =
                "add: NODE becomes a learner at once, and a voter when it has caught up (not with "
                "--learner).\n"
                "A node that is started with --join adds itself. promote: a learner is to vote; "
                "waits until it does.\n"
                "remove: its id is never used again. replace: NEW, which runs as a learner, is "
                "promoted, and only\n"
                "then OLD is removed. demote: a voter becomes a learner, and a voter again once it "
                "has caught up (not\n"
                "with --learner). What is so already succeeds.",
            .options = {{.name = "learner", .value = "", .help = "add, demote: it stays a learner"},
                        {.name = "dry-run",
                         .value = "",
                         .help = "show the steps, and the voters and their quorum after each"}},
            .examples = {{{"raftbus members -o json", "node, kind, addresses"},
                          {"raftbus members remove 2", "the others go on without n2"},
                          {"raftbus members replace 2 4 --dry-run",
                           "what would be done, step by step"}}},
            .words_max = 4,
            .words = Words::nodes,
            .run = run_members};
}

}  // namespace raftbus::cli
