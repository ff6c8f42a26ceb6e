#include "actors/gateway_reports.hpp"

#include <utility>

#include "messages/check.hpp"

namespace raftbus {

GatewayReports::GatewayReports(Context& context, const GatewayOptions& options, InFlight& in_flight,
                               Answers& answers, const VersionGate& versions)
    : context_(context),
      options_(options),
      in_flight_(in_flight),
      answers_(answers),
      versions_(versions),
      started_(context.now()) {}

void GatewayReports::add(RequestKey key) {
    waiting_.push_back(key);
}

void GatewayReports::send_waiting() {
    if (waiting_.empty()) return;
    const std::uint64_t ask = ++last_ask_;
    asked_[ask].keys = std::exchange(waiting_, {});
    context_.serve({});
    for (const ActorName actor :
         {ActorName::election, ActorName::replicator, ActorName::state_machine})
        context_.send({context_.self().node, actor}, AskReport{ask});
}

void GatewayReports::on_report(const ElectionReport& report) {
    take(report, &Asked::election);
}
void GatewayReports::on_report(const ReplicatorReport& report) {
    take(report, &Asked::replicator);
}
void GatewayReports::on_report(const StateReport& report) {
    take(report, &Asked::state);
}

template <class Report>
void GatewayReports::take(const Report& report, std::optional<Report> Asked::*place) {
    const auto found = asked_.find(report.ask);
    if (found == asked_.end()) return;  // somebody else's question
    Asked& asked = found->second;
    asked.*place = report;
    if (!asked.election || !asked.replicator || !asked.state) return;
    answer(asked);
    asked_.erase(found);
}

void GatewayReports::answer(const Asked& asked) {
    const std::vector<client::MemberInfo> members = described(asked.replicator->members);
    const client::StatusReply status{
        .node = context_.self().node,
        .cluster = options_.cluster,
        .role = role(asked),
        .term = asked.election->term,
        .leader = asked.election->leader,
        .first = asked.replicator->first,
        .last = asked.replicator->last,
        .commit = asked.replicator->commit,
        .applied = asked.state->applied,
        .digest = asked.state->digest,
        .members = members,
        .version = options_.version,
        .uptime_ms = static_cast<std::uint64_t>((context_.now() - started_) / 1ms),
        .client = options_.client,
        .trace = options_.trace,
        .storage_answers = asked.replicator->storage_answers,
        .keys = asked.state->keys,
        .member = asked.replicator->member,
        .diverged = asked.state->diverged,
        .damaged = asked.state->damaged ? std::string_view(asked.state->damaged->what)
                                        : std::string_view(),
        .in_flight = in_flight_.size(),
        .in_flight_bytes = in_flight_.bytes(),
        .unread_bytes = answers_.unread().bytes(),
        .clients = connected_.connected,
        .clients_refused = connected_.refused,
        .cluster_version = asked.replicator->version,
        .oldest = options_.versions.oldest,
        .newest = options_.versions.newest,
    };
    for (const RequestKey key : asked.keys) {
        const InFlightRequest* request = in_flight_.find(key);
        if (request == nullptr) continue;
        if (request->op == client::Op::status)
            answers_.give(key, status);
        else
            answers_.give(key, client::MembersReply{members});
    }
}

std::vector<client::MemberInfo> GatewayReports::described(
    const std::vector<Member>& members) const {
    std::vector<client::MemberInfo> described;
    for (const Member& member : members) {
        client::MemberInfo& info = described.emplace_back(client::MemberInfo{.member = member});
        if (const auto speaks = versions_.of(member.node))
            info.oldest = speaks->oldest, info.newest = speaks->newest;
        if (member.node == context_.self().node) {
            info.member.client = options_.client;
            info.trace = options_.trace;
        } else if (const auto peer = introductions_.find(member.node);
                   peer != introductions_.end()) {
            if (!peer->second.client.empty()) info.member.client = peer->second.client;
            info.trace = peer->second.trace;
        }
    }
    return described;
}

std::string_view GatewayReports::role(const Asked& asked) const {
    for (const Member& member : asked.replicator->members)
        if (member.node == context_.self().node && !member.voter) return "learner";
    switch (asked.election->role) {
        case RoleName::follower:
            return "follower";
        case RoleName::pre_candidate:
        case RoleName::candidate:
            return "candidate";
        case RoleName::leader:
            return "leader";
    }
    CHECK(false, "a role without a name");
    return {};
}

void GatewayReports::on_introduction(const Introduction& introduction, NodeId peer) {
    introductions_[peer] = introduction;
}

void GatewayReports::on_peer_up(NodeId peer) {
    context_.send({peer, ActorName::gateway}, Introduction{options_.client, options_.trace});
}

}  // namespace raftbus
