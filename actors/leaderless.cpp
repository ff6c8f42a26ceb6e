#include "actors/leaderless.hpp"

#include "messages/text.hpp"

namespace raftbus {
namespace {

std::string number(std::size_t count) {
    return std::to_string(count);
}

}  // namespace

// An election or two take place without a word of it.
Leaderless::Leaderless(const RaftOptions& options)
    : reminder_({.first = options.election_timeout_max * 3, .again = 5s, .longest = 60s}) {}

std::optional<std::string> Leaderless::line(Moment now, const View& view) {
    if (!reminder_.due(now)) return std::nullopt;
    std::string text = "no leader has been heard for " + lasting_text(reminder_.lasted(now)) +
                       "; this node is in term " + std::to_string(view.term.value);
    if (!why_not_.empty()) text += " and does not campaign: " + std::string(why_not_);
    std::size_t within_reach = 1;
    for (const NodeId voter : view.voters)
        if (voter != view.self) within_reach += view.connected.contains(voter) ? 1 : 0;
    if (within_reach * 2 <= view.voters.size())
        text += "; it is connected to fewer than a majority of the " +
                number(view.voters.size()) + " voters";
    for (const NodeId voter : view.voters)
        if (voter != view.self) text += "; " + to_text(voter) + ": " + said_by(voter, view);
    return text;
}

std::string Leaderless::said_by(NodeId voter, const View& view) const {
    const auto found = answers_.find(voter);
    if (found == answers_.end())
        return view.connected.contains(voter) ? "connected, no answer" : "not connected";
    const Answer& answer = found->second;
    if (answer.granted) return "would vote for this node";
    if (answer.current > view.term)
        return "refuses, its term " + std::to_string(answer.current.value) + " is newer";
    return "refuses, it hears a leader or its log is ahead of this node's";
}

}  // namespace raftbus
