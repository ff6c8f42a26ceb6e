// bus: the node's end that is not an actor of Raft's but is addressed like one, Address{self, bus}.
//
// Owns: all network sockets, and the orderly stop.
// Takes: ClientReplies, StreamReplies, Stopped, Reconfigured. Sends: PeerUp, PeerLost, PeerSpeaks,
// RemovalTold, ClientRequests, RepliesTaken, StreamsTaken, ClientsConnected, PeersUnreachable,
// LongestTurn, Stop.
// Must not know: what any other message means.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "bus/client_port.hpp"
#include "bus/peer_links.hpp"
#include "bus/peer_port.hpp"
#include "bus/reachability.hpp"
#include "bus/scheduling.hpp"
#include "bus/trace_port.hpp"
#include "bus/worker.hpp"

namespace raftbus {

class Bus final
    : public ActorOf<Bus, std::variant<ClientReplies, Stopped, Reconfigured, StreamReplies>>,
      public LinkEvents {
public:
    // `worker` is the one that serves it. `finished` is called in its thread when the node has
    // stopped.
    Bus(Shared& shared, Worker& worker, Context& context, std::function<void()> finished);

    // Binds the ports. To be called once, before the worker starts.
    Status open();
    // Closes all sockets, once the worker has ended.
    void close();

    // Begins the orderly stop: election hands leadership over, then the gateway answers what it
    // can.
    void stop();

    const std::string& peer_endpoint() const { return peer_endpoint_; }
    const std::string& client_endpoint() const { return client_endpoint_; }
    const std::string& trace_endpoint() const { return trace_endpoint_; }

    // ---- Actor
    void start() override;
    void on_timer(TimerId id) override;
    void on(const ClientReplies& replies, const Envelope& envelope);
    void on(const StreamReplies& replies, const Envelope& envelope);
    void on(const Stopped& stopped, const Envelope& envelope);
    void on(const Reconfigured& reconfigured, const Envelope& envelope);
    std::string describe() const override { return "bus"; }

    // ---- LinkEvents
    void on_peer_up(NodeId peer) override;
    void on_peer_lost(NodeId peer) override;
    void on_peer_answer(NodeId peer, const Frames& frames) override;

private:
    enum class Phase { running, election_stops, gateway_stops, finished };

    Result<std::string> bind(zmq::socket_t& socket, const std::string& endpoint,
                             std::string_view purpose);
    bool has(ActorName actor) const;
    template <class News>
    void tell(std::initializer_list<ActorName> actors, const News& news);
    void warn_of_ephemeral_ports();
    void on_guest(const Member& guest);
    void change_links();
    void tell_taken();
    void tell_connected();
    void tell_longest_turn();
    void tell_unreachable();
    void advance_stop();
    void ask_to_stop(Phase phase, ActorName actor, Duration limit);

    Shared& shared_;
    Worker& worker_;
    Context& context_;
    std::function<void()> finished_;
    Complaints complaints_;
    ThreadScheduling scheduling_;
    TracePort trace_port_;
    TraceInbox trace_inbox_;
    Resolver resolver_;
    PeerLinks links_;
    PeerInbox peer_inbox_;
    PeerPort peer_port_;
    ClientPort client_port_;
    std::string peer_endpoint_;
    std::string client_endpoint_;
    std::string trace_endpoint_;
    Phase phase_ = Phase::running;
    std::vector<Member> peers_;   // as the replicator named them last
    std::vector<Member> guests_;  // let in beside them
    LogIndex configured_;         // the configuration in force
    bool telling_taken_ = false;  // its timer runs
    ClientsConnected connected_told_;
    LongestTurn turn_told_;
    Reachability reachability_;
    PeersUnreachable unreachable_told_;
};

}  // namespace raftbus
