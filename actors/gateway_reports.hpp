// gateway_reports: STATUS and MEMBERS, put together from what the node's other actors report.
//
// Owns: who waits for reports, and where peers' clients and tracers connect.
// Takes ElectionReport, ReplicatorReport, StateReport, Introduction, PeerUp, PeersUnreachable,
// ClientsConnected; sends AskReport, Introduction.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/answers.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"
#include "actors/options.hpp"
#include "actors/version_gate.hpp"

namespace raftbus {

class GatewayReports {
public:
    GatewayReports(Context& context, const GatewayOptions& options, InFlight& in_flight,
                   Answers& answers, const VersionGate& versions);

    // Takes a STATUS or MEMBERS request that is in flight.
    void add(RequestKey key);
    // Asks for one set of reports for all who came since the last.
    void send_waiting();

    void on_report(const ElectionReport& report);
    void on_report(const ReplicatorReport& report);
    void on_report(const StateReport& report);
    void on_introduction(const Introduction& introduction, NodeId peer);
    void on_peer_up(NodeId peer);
    void on_connected(const ClientsConnected& connected) { connected_ = connected; }
    void on_turn(const LongestTurn& turn) { turn_ = turn; }
    void on_unreachable(const PeersUnreachable& unreachable) { unreachable_ = unreachable; }
    // With what is known here of where their clients connect.
    std::vector<client::MemberInfo> described(const std::vector<Member>& members) const;

private:
    // One set of reports, as far as they have come in.
    struct Asked {
        std::vector<RequestKey> keys;
        std::optional<ElectionReport> election;
        std::optional<ReplicatorReport> replicator;
        std::optional<StateReport> state;
    };

    template <class Report>
    void take(const Report& report, std::optional<Report> Asked::*place);
    void answer(const Asked& asked);
    std::string_view role(const Asked& asked) const;

    Context& context_;
    const GatewayOptions& options_;
    InFlight& in_flight_;
    Answers& answers_;
    const VersionGate& versions_;
    Moment started_;
    std::map<NodeId, Introduction> introductions_;
    ClientsConnected connected_;
    LongestTurn turn_;
    PeersUnreachable unreachable_;
    std::vector<RequestKey> waiting_;
    std::map<std::uint64_t, Asked> asked_;  // by AskReport::ask
    std::uint64_t last_ask_ = 0;
};

}  // namespace raftbus
