#include "actors/member_changes.hpp"

#include <algorithm>

#include "messages/text.hpp"

namespace raftbus {
namespace {

constexpr std::size_t kWaitingMax = 1'000;

std::string list_of(const std::vector<NodeId>& nodes) {
    std::string text;
    for (const NodeId node : nodes) text += (text.empty() ? "" : ", ") + to_text(node);
    return text;
}

}  // namespace

bool MemberChanges::settled(LogIndex no_op) const {
    return log_.commit() >= no_op && log_.commit() >= in_force().index;
}

std::optional<Configuration> MemberChanges::on(const ChangeMembers& ask, const Envelope& envelope,
                                               const View& view) {
    const Configuration& now = in_force().configuration;
    const Waiting waiting{envelope, ask};
    const auto refused = [&](Refusal why, std::string message) {
        refuse(waiting, why, std::move(message));
        return std::nullopt;
    };
    const bool may_begin = settled(view.no_op) && !now.joint();
    if (!may_begin && !under_way(ask.wanted))
        return refused(Refusal::busy, "another change of the members is under way");
    if (waiting_.size() >= kWaitingMax) return refused(Refusal::busy, "too many changes wait");
    if (view.handing_over) return refused(Refusal::transferring, "leadership is being handed over");
    if (!may_begin || fulfilled(now, ask.wanted)) {
        waiting_.push_back(waiting);
        if (may_begin) answer_fulfilled();
        return std::nullopt;
    }
    if (log_.out_of_space()) return refused(Refusal::no_space, "no room on the leader's disk");
    const Result<Configuration> plan = planned(now, ask.wanted);
    if (!plan) return refused(Refusal::invalid, plan.error().message);
    // One that has just started will be heard in a moment; if not, its name reaches the client.
    const NodeId node = ask.wanted.member.node;
    if (ask.wanted.kind == ChangeKind::promote && !hears(node, view))
        return refused(Refusal::busy,
                       to_text(node) + " does not answer: it must run before it can be promoted");
    if (std::string what = plan->joint() ? out_of_reach(*plan, view) : ""; !what.empty())
        return refused(Refusal::unsupported, std::move(what));
    waiting_.push_back(waiting);
    if (*plan == now) return std::nullopt;
    return *plan;
}

std::optional<Configuration> MemberChanges::next(const View& view) {
    if (!settled(view.no_op)) return std::nullopt;
    const Configuration& now = in_force().configuration;
    if (now.joint()) return completed(now);
    answer_fulfilled();
    if (view.handing_over || log_.out_of_space()) return std::nullopt;
    for (const Member& member : now.members) {
        const auto peer = view.peers.find(member.node);
        if (!member.promote || peer == view.peers.end()) continue;
        if (!now.counts(member.node, peer->second.disk.value_or(0))) continue;
        if (!hears(member.node, view) || peer->second.match() < view.caught_up) continue;
        Configuration with_it = promoted(now, member.node);
        if (out_of_reach(with_it, view).empty()) return with_it;
    }
    return std::nullopt;
}

// What can not be fulfilled any more is refused: its node was removed meanwhile.
void MemberChanges::answer_fulfilled() {
    const Configuration& now = in_force().configuration;
    std::erase_if(waiting_, [&](const Waiting& waiting) {
        if (fulfilled(now, waiting.ask.wanted)) {
            context_.answering(waiting.asked);
            context_.send(waiting.asked.from, MembersChanged{waiting.ask.change, now.members});
            return true;
        }
        const Result<Configuration> rest = planned(now, waiting.ask.wanted);
        if (rest) return false;
        refuse(waiting, Refusal::invalid, rest.error().message);
        return true;
    });
}

void MemberChanges::leave() {
    for (const Waiting& waiting : waiting_) refuse(waiting, Refusal::not_leader, {});
    waiting_.clear();
}

void MemberChanges::refuse(const Waiting& waiting, Refusal why, std::string message) {
    context_.answering(waiting.asked);
    context_.send(waiting.asked.from, ChangeRefused{waiting.ask.change, why, std::move(message)});
}

bool MemberChanges::under_way(const MemberChange& wanted) const {
    return std::any_of(waiting_.begin(), waiting_.end(),
                       [&](const Waiting& waiting) { return waiting.ask.wanted == wanted; });
}

// ---- what stands in the way

bool MemberChanges::hears(NodeId node, const View& view) const {
    if (node == context_.self().node) return true;
    const auto peer = view.peers.find(node);
    return peer != view.peers.end() && peer->second.connected &&
           context_.now() - peer->second.heard() <= options_.election_timeout_min;
}

std::string MemberChanges::out_of_reach(const Configuration& configuration,
                                        const View& view) const {
    std::vector<NodeId> silent;
    const std::vector<NodeId> voters = configuration.halves().front();
    for (const NodeId voter : voters)
        if (!hears(voter, view)) silent.push_back(voter);
    if ((voters.size() - silent.size()) * 2 > voters.size()) return {};
    return "of the voters that would be left, " + list_of(voters) +
           ", no majority answers: " + list_of(silent) + (silent.size() == 1 ? " is" : " are") +
           " silent";
}

}  // namespace raftbus
