// gateway_elections: ELECT: has a node campaign and waits for the leader that comes of it.
//
// Owns: the requests for elections. Takes ReplicatorReport, CampaignReply, LeaderChanged; sends
// AskReport, Campaign.
// Must not know: how elections go.
#pragma once

#include <optional>
#include <vector>

#include "actors/answers.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"

namespace raftbus {

class GatewayElections {
public:
    GatewayElections(Context& context, const InFlight& in_flight, Answers& answers)
        : context_(context), in_flight_(in_flight), answers_(answers) {}

    // Takes an ELECT request that is in flight. Nodes that are not members are refused.
    void add(RequestKey key, const client::Elect& elect);

    void on_members(const ReplicatorReport& report);
    void on_campaign(const CampaignReply& reply, NodeId from);
    void on_leader_changed(const LeaderChanged& leader);
    // Forgets the requests that have been answered at their deadline.
    void prune();

private:
    struct Wanted {
        RequestKey key;
        NodeId target;
        bool asked = false;         // it was told to campaign
        std::optional<Term> above;  // it did; the new leader's term is above this one
    };

    void answer_won();

    Context& context_;
    const InFlight& in_flight_;
    Answers& answers_;
    std::vector<Wanted> wanted_;
    LeaderChanged leader_;
};

}  // namespace raftbus
