// gateway: the actor that clients talk to (docs/protocol.md).
//
// Owns: the requests in flight and the limits on them; of the work itself nothing, which is done by
// its parts: writes, reads, watches, reports, the log, elections, changes of the membership. Each
// request is
// answered exactly once: refused at once, or taken in flight (in_flight.hpp) and answered by the
// part that works on it or at its deadline, whichever comes first (answers.hpp). Must not know:
// sockets; how Raft works; what a command does.
#pragma once

#include <string>
#include <variant>

#include "actors/actor.hpp"
#include "actors/answers.hpp"
#include "actors/gateway_backups.hpp"
#include "actors/gateway_elections.hpp"
#include "actors/gateway_log.hpp"
#include "actors/gateway_members.hpp"
#include "actors/gateway_reads.hpp"
#include "actors/gateway_reports.hpp"
#include "actors/gateway_snapshots.hpp"
#include "actors/gateway_watches.hpp"
#include "actors/gateway_writes.hpp"
#include "actors/in_flight.hpp"
#include "actors/options.hpp"
#include "actors/timer.hpp"
#include "actors/version_gate.hpp"
#include "messages/client_codec.hpp"

namespace raftbus {

using GatewayInbox =
    std::variant<ClientRequests, LeaderChanged, ProposeRefused, OutcomesReady, ReadIndexReply,
                 ReadRefused, StateRead, LogRead, ElectionReport, ReplicatorReport, StateReport,
                 CampaignReply, Introduction, PeerUp, PeerLost, Stop, SnapshotTaken, MembersChanged,
                 ChangeRefused, BackupRead, StateJudged, RepliesTaken, ClientsConnected,
                 Reconfigured, PeerSpeaks, Watching, WatchEvents, WatchEnded, StreamsTaken>;

class Gateway : public ActorOf<Gateway, GatewayInbox> {
public:
    Gateway(Context& context, const GatewayOptions& options);

    void on(const ClientRequests& requests, const Envelope& envelope);
    void on(const LeaderChanged& leader, const Envelope& envelope);
    void on(const ProposeRefused& refused, const Envelope& envelope);
    void on(const OutcomesReady& ready, const Envelope& envelope);
    void on(const ReadIndexReply& reply, const Envelope& envelope);
    void on(const ReadRefused& refused, const Envelope& envelope);
    void on(const StateRead& state, const Envelope& envelope);
    void on(const LogRead& read, const Envelope& envelope);
    void on(const ElectionReport& report, const Envelope& envelope);
    void on(const ReplicatorReport& report, const Envelope& envelope);
    void on(const StateReport& report, const Envelope& envelope);
    void on(const CampaignReply& reply, const Envelope& envelope);
    void on(const Introduction& introduction, const Envelope& envelope);
    void on(const PeerUp& peer, const Envelope& envelope);
    void on(const PeerLost& peer, const Envelope& envelope);
    void on(const Stop& stop, const Envelope& envelope);
    void on(const SnapshotTaken& taken, const Envelope& envelope);
    void on(const MembersChanged& changed, const Envelope& envelope);
    void on(const ChangeRefused& refused, const Envelope& envelope);
    void on(const BackupRead& read, const Envelope& envelope);
    void on(const StateJudged& judged, const Envelope& envelope);
    void on(const Reconfigured& reconfigured, const Envelope& envelope);
    void on(const PeerSpeaks& speaks, const Envelope& envelope);
    void on(const RepliesTaken& taken, const Envelope& envelope);
    void on(const ClientsConnected& connected, const Envelope& envelope);

    void on(const Watching& watching, const Envelope& envelope);
    void on(const WatchEvents& events, const Envelope& envelope);
    void on(const WatchEnded& ended, const Envelope& envelope);
    void on(const StreamsTaken& taken, const Envelope& envelope);

    void on_timer(TimerId id) override;
    void on_drained() override;
    std::string describe() const override;

    const InFlight& in_flight() const { return in_flight_; }
    const GatewayWatches& watches() const { return watches_; }

private:
    void take(const ClientFrame& frame);
    RequestKey admit(const ClientFrame& frame, const client::Decoded& decoded,
                     const client::Request& request);
    void begin(RequestKey key, const client::Request& request);
    void begin_scan(RequestKey key, const client::Scan& scan);
    void expire(const std::vector<RequestKey>& keys);
    client::Failure expired(RequestKey key, const InFlightRequest& request);
    void restart_deadlines();
    RequestId next_request();

    Context& context_;
    GatewayOptions options_;
    client::Limits limits_;
    std::uint32_t requests_taken_ = 0;  // may wrap: it only tells requests apart in traces
    LeaderChanged leader_;
    // The state is not the others', or damaged: nothing is answered from it, but this.
    std::optional<client::Failure> unserved_;
    bool stopping_ = false;
    bool stopped_ = false;

    VersionGate versions_;
    InFlight in_flight_;
    Answers answers_;
    GatewayWrites writes_;
    GatewayReads reads_;
    GatewayReports reports_;
    GatewayLog log_;
    GatewayElections elections_;
    GatewaySnapshots snapshots_;
    GatewayBackups backups_;
    GatewayMembers members_;
    GatewayWatches watches_;

    Timer deadline_;
    Moment deadline_at_;  // when it fires, if it runs
    Timer stop_;
};

}  // namespace raftbus
