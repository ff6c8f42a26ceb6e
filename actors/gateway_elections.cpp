#include "actors/gateway_elections.hpp"

#include <algorithm>

namespace raftbus {
namespace {

client::Failure no_member(NodeId target, const std::vector<Member>& members) {
    std::string ids;
    for (const Member& member : members)
        ids += (ids.empty() ? "" : ", ") + std::to_string(member.node.value);
    return {client::ErrorCode::bad_request,
            "field 'node': " + std::to_string(target.value) +
                " is not a member of this cluster; members are " + ids,
            {}};
}

client::Failure learner(NodeId target) {
    return {client::ErrorCode::bad_request,
            "field 'node': " + std::to_string(target.value) +
                " is a learner, which can not lead; PROMOTE makes it a voter",
            {}};
}

}  // namespace

void GatewayElections::add(RequestKey key, const client::Elect& elect) {
    wanted_.push_back({key, elect.node.value_or(context_.self().node)});
    context_.send({context_.self().node, ActorName::replicator}, AskReport{});
}

// Any report will do: a membership that was in force a moment ago is as good as one in a moment.
void GatewayElections::on_members(const ReplicatorReport& report) {
    for (Wanted& wanted : wanted_) {
        const InFlightRequest* request = in_flight_.find(wanted.key);
        if (wanted.asked || request == nullptr) continue;
        const auto known =
            std::find_if(report.members.begin(), report.members.end(),
                         [&](const Member& member) { return member.node == wanted.target; });
        if (known == report.members.end()) {
            answers_.give(wanted.key, no_member(wanted.target, report.members));
            continue;
        }
        if (!known->voter) {
            answers_.give(wanted.key, learner(wanted.target));
            continue;
        }
        wanted.asked = true;
        context_.serve(request->request);
        context_.send({wanted.target, ActorName::election}, Campaign{});
    }
    prune();
}

void GatewayElections::on_campaign(const CampaignReply& reply, NodeId from) {
    for (Wanted& wanted : wanted_) {
        if (!wanted.asked || wanted.above || wanted.target != from) continue;
        if (reply.leading)
            answers_.give(wanted.key, client::ElectReply{from, reply.term});
        else
            wanted.above = reply.term;
    }
    answer_won();
}

void GatewayElections::on_leader_changed(const LeaderChanged& leader) {
    leader_ = leader;
    answer_won();
}

void GatewayElections::answer_won() {
    if (leader_.leader) {
        for (const Wanted& wanted : wanted_)
            if (wanted.above && leader_.term > *wanted.above)
                answers_.give(wanted.key, client::ElectReply{leader_.leader, leader_.term});
    }
    prune();
}

void GatewayElections::prune() {
    std::erase_if(wanted_, [&](const Wanted& wanted) { return !in_flight_.has(wanted.key); });
}

}  // namespace raftbus
