#include "cli/survey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"

namespace raftbus::cli {
namespace {

using Answers = std::map<std::string, Answer>;  // by endpoint

void ask_status(Client& client, const std::vector<std::string>& endpoints, Answers& answers,
                std::chrono::microseconds patience) {
    for (Answer& answer : client.ask_each(endpoints, {{"op", "STATUS"}}, patience)) {
        answers[answer.endpoint] = std::move(answer);
    }
}

bool answered(const Answer& answer) {
    return answer.reply && answer.reply->ok();
}

// The members in force, as the node with the highest term and commit sees them.
Value::List members_of(const Answers& answers) {
    const Value* best = nullptr;
    const auto rank = [](const Value& status) {
        return std::pair(status["term"].number(), status["commit"].number());
    };
    for (const auto& [endpoint, answer] : answers) {
        if (!answered(answer)) continue;
        const Value& status = answer.reply->body;
        if (best == nullptr || rank(*best) < rank(status)) best = &status;
    }
    return best == nullptr ? Value::List{} : (*best)["members"].list();
}

// Endpoints of members, as seen by whoever told, that were not asked yet.
std::vector<std::string> unasked_members(const Answers& answers) {
    std::vector<std::string> endpoints;
    for (const auto& [endpoint, answer] : answers) {
        if (!answered(answer)) continue;
        for (const Value& member : answer.reply->body["members"].list()) {
            const std::string told = reachable(member["client"].text(), endpoint);
            const bool known =
                answers.contains(told) ||
                std::find(endpoints.begin(), endpoints.end(), told) != endpoints.end();
            if (parse_reachable(told).ok() && !known) endpoints.push_back(told);
        }
    }
    return endpoints;
}

[[noreturn]] void throw_nobody(const Answers& answers) {
    std::string tried;
    for (const auto& [endpoint, answer] : answers) {
        if (!tried.empty()) tried += ", ";
        tried += fmt::format("{} ({})", short_form(endpoint),
                             answer.reply ? escaped(answer.reply->body["message"].text())
                                          : answer.reason);
    }
    throw Failure(Exit::unreachable, "no node is reachable: " + tried,
                  advice_when_unreachable());
}

}  // namespace

std::string NodeView::trace() const {
    if (!status) return {};
    return reachable((*status)["trace"].text(), client);
}

std::vector<NodeView> survey(Client& client, std::chrono::microseconds patience) {
    Answers answers;
    ask_status(client, client.endpoints(), answers, patience);
    if (const auto rest = unasked_members(answers); !rest.empty()) {
        ask_status(client, rest, answers, patience);
    }
    if (std::none_of(answers.begin(), answers.end(),
                     [](const auto& a) { return answered(a.second); })) {
        throw_nobody(answers);
    }
    std::map<std::uint64_t, NodeView> views;
    for (const Value& member : members_of(answers)) {
        NodeView& view = views[member["node"].number()];
        view.node = member["node"].number();
        view.kind = member["kind"].text();
        view.peer = member["peer"].text();
        view.client = member["client"].text();
        view.reason = view.client.empty() ? "its address is not known here" : "no answer";
        if (const auto fine = parse_reachable(view.client); !fine && !view.client.empty())
            view.reason = fine.error().message;  // an older release let it pass
        const auto asked = answers.find(view.client);
        if (asked != answers.end() && !asked->second.reply) view.reason = asked->second.reason;
    }
    for (auto& [endpoint, answer] : answers) {
        if (!answered(answer)) continue;
        NodeView& view = views[answer.reply->body["node"].number()];
        view.node = answer.reply->body["node"].number();
        view.client = endpoint;
        view.status = std::move(answer.reply->body);
        view.reason.clear();
    }
    std::vector<NodeView> list;
    for (auto& [node, view] : views) list.push_back(std::move(view));
    return list;
}

}  // namespace raftbus::cli
