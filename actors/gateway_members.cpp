#include "actors/gateway_members.hpp"

#include <algorithm>

namespace raftbus {
namespace {

using client::ErrorCode;
using client::Failure;

// A change takes a few round trips; one that waits for another, or for a learner to catch up,
// longer.
constexpr Duration kRetryAfter = std::chrono::milliseconds(100);

ErrorCode code_of(Refusal why) {
    switch (why) {
        case Refusal::not_leader:
            return ErrorCode::no_leader;
        case Refusal::transferring:
        case Refusal::busy:
            return ErrorCode::busy;
        case Refusal::no_space:
            return ErrorCode::no_space;
        case Refusal::unsupported:
            return ErrorCode::unsupported;
        case Refusal::invalid:
            return ErrorCode::bad_request;
    }
    return ErrorCode::unsupported;
}

bool passes(Refusal why) {
    return why == Refusal::not_leader || why == Refusal::transferring || why == Refusal::busy;
}

}  // namespace

void GatewayMembers::add(RequestKey key, MemberChange wanted) {
    wanted_.push_back({key, std::move(wanted), {}, false, {}});
    ask(wanted_.back());
    if (!retry_.running()) retry_.start(kRetryAfter);
}

void GatewayMembers::ask(Wanted& wanted) {
    const InFlightRequest* request = in_flight_.find(wanted.key);
    if (!leader_.leader || request == nullptr) return;
    if (wanted.asked) wanted.may_happen = true;
    wanted.asked = last_change_ = last_change_.next();
    context_.serve(request->request);
    context_.send({leader_.leader, ActorName::replicator},
                  ChangeMembers{wanted.asked, wanted.change});
}

void GatewayMembers::ask_all() {
    prune();
    for (Wanted& wanted : wanted_) ask(wanted);
}

void GatewayMembers::on_leader_changed(const LeaderChanged& leader) {
    leader_ = leader;
    ask_all();
}

void GatewayMembers::on_peer_up(NodeId peer) {
    if (peer == leader_.leader) ask_all();
}

GatewayMembers::Wanted* GatewayMembers::find(ChangeNumber change) {
    const auto found = std::find_if(wanted_.begin(), wanted_.end(),
                                    [&](const Wanted& w) { return w.asked == change; });
    return found == wanted_.end() ? nullptr : &*found;
}

void GatewayMembers::on_changed(const MembersChanged& changed,
                                const std::vector<client::MemberInfo>& members) {
    Wanted* wanted = find(changed.change);
    if (!wanted) return;
    if (wanted->change.kind == ChangeKind::incarnate)
        answers_.give(wanted->key,
                      client::IncarnateReply{wanted->change.incarnation, changed.since});
    else
        answers_.give(wanted->key, client::MembersReply{members});
    prune();
}

// What passes is asked for again when the timer fires, or a new leader is known.
void GatewayMembers::on_refused(const ChangeRefused& refused) {
    Wanted* wanted = find(refused.change);
    if (!wanted) return;
    wanted->asked = {};
    // A leader that steps down refuses what it may have put into the log.
    if (refused.why == Refusal::not_leader) wanted->may_happen = true;
    if (!refused.message.empty()) wanted->obstacle = refused.message;
    if (passes(refused.why)) return;
    if (wanted->may_happen)
        answers_.give(wanted->key, unknown(refused.message));
    else
        answers_.give(wanted->key, Failure{code_of(refused.why), refused.message, {}});
    prune();
}

void GatewayMembers::on_timer(TimerId id) {
    if (!retry_.fired(id)) return;
    prune();
    for (Wanted& wanted : wanted_)
        if (!wanted.asked) ask(wanted);
    if (!wanted_.empty()) retry_.start(kRetryAfter);
}

Failure GatewayMembers::unknown(const std::string& why) const {
    return {ErrorCode::timeout,
            "not known whether it was changed: see MEMBERS" + (why.empty() ? why : "; " + why),
            {}};
}

Failure GatewayMembers::expired(RequestKey key) {
    const auto found =
        std::find_if(wanted_.begin(), wanted_.end(), [&](const Wanted& w) { return w.key == key; });
    if (found == wanted_.end()) return unknown({});
    const Wanted wanted = *found;
    wanted_.erase(found);
    if (wanted.asked || wanted.may_happen) return unknown(wanted.obstacle);
    if (!wanted.obstacle.empty()) return {ErrorCode::busy, wanted.obstacle, {}};
    return {ErrorCode::no_leader, "no leader took the change in time: nothing was changed", {}};
}

void GatewayMembers::prune() {
    std::erase_if(wanted_, [&](const Wanted& wanted) { return !in_flight_.has(wanted.key); });
}

}  // namespace raftbus
