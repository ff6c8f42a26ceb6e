// gateway_writes: how writes travel from a gateway to the leader, and what their clients are told.
//
// Owns: when to propose, to whom, and when to try again. Takes ProposeRefused, OutcomesReady,
// LeaderChanged, PeerUp; sends Propose.
// Must not know: what the commands say (actors/proposals.hpp keeps them).
#pragma once

#include "actors/answers.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"
#include "actors/options.hpp"
#include "actors/proposals.hpp"
#include "actors/timer.hpp"

namespace raftbus {

class GatewayWrites {
public:
    GatewayWrites(Context& context, const GatewayOptions& options, InFlight& in_flight,
                  Answers& answers, TimerId retry_timer);

    // Takes the write of a request that is in flight. Copies its bytes.
    void add(RequestKey key, const Command& command);
    // Proposes all that waits, if there is a leader to propose it to.
    void send_waiting();

    void on_leader_changed(const LeaderChanged& leader);
    void on_refused(const ProposeRefused& refused);
    void on_outcomes(const OutcomesReady& ready);
    void on_peer_up(NodeId peer);
    void on_timer(TimerId id);
    // The cluster's incarnation, for those whose session is gone.
    void belongs_to(const Incarnation& incarnation) { incarnation_ = incarnation; }

    // The write's deadline has passed: what to tell its client. To be called once, for a request
    // that is still in flight and is answered next.
    client::Failure expired(const InFlightRequest& request);

private:
    void send(Proposals::Outgoing outgoing);
    void repeat();
    void hold();
    void give(RequestKey key, client::Op op, const CommandOutcome& outcome);
    client::Failure session_expired() const;
    void give_up(const ProposeRefused& refused, const client::Failure& failure);

    Context& context_;
    InFlight& in_flight_;
    Answers& answers_;
    Proposals proposals_;
    LeaderChanged leader_;
    Term applied_term_;  // of the last entry that this node has applied
    Incarnation incarnation_;  // of the cluster
    Duration hold_for_;  // the next wait after a refusal
    Timer retry_;        // runs while a refusal holds proposals back
};

}  // namespace raftbus
