// cluster: nodes, the network between them, and time: everything that a scene speaks of.
// `cluster.crash(2); cluster.cut(1, 3); cluster.run(2s);`
//
// Owns: nodes, mail, network, rules, the clients' side of the nodes' sockets. Must not know: which
// faults are wise, what clients want.
//
// The same options make the same run. A rule that is broken ends it: RuleBroken.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/cluster_rules.hpp"
#include "sim/network.hpp"
#include "sim/sim_node.hpp"

namespace raftbus::sim {

class RuleBroken : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct ClusterOptions {
    std::size_t nodes = 3;   // the first members, all of them voters
    std::size_t spares = 0;  // machines beside them, for nodes that join
    std::uint64_t seed = 1;
    NodeOptions node;  // the members are filled in
    Pace pace;
    Weather weather;
    std::vector<std::uint32_t> priorities;  // of the nodes as leaders; none given: 0
    bool by_hand = false;                   // nothing moves by itself
    bool identities = false;                // disks have ids, and the cluster gets one
    Watcher* watcher = nullptr;
    Tamper* tamper = nullptr;
};

// Hears what nodes answer their clients.
class ClientEvents {
public:
    // A frame came out of the node's client socket.
    virtual void on_reply(NodeId node, const ClientFrame& frame) = 0;
    enum class Heard { taken, full, gone };
    // One of those that come without being asked for one by one. Unless it is taken, it was not
    // sent.
    virtual Heard on_stream(NodeId node, const StreamFrame& frame) = 0;

protected:
    ~ClientEvents() = default;
};

class Cluster final : private World, private NetworkEvents {
public:
    // All nodes are down.
    explicit Cluster(ClusterOptions options);
    ~Cluster();

    // ---- time

    Moment now() const { return schedule_.now(); }
    void run(Duration time);
    // Runs until it holds; false if it does not within the limit.
    bool run_until(const std::function<bool()>& holds, Duration limit);
    Schedule& events() { return schedule_; }

    // ---- nodes

    void start();  // all that were born
    void start(std::uint32_t node);
    // It was among the first members, or has joined.
    bool born(std::uint32_t node) const { return born_.at(node - 1); }
    // A spare machine's first start, with an empty disk. It knows the members as the leader does,
    // as a node would that has asked to be added; nothing happens while nobody leads.
    void join(std::uint32_t node);
    // A node that is down comes back from nothing, as one whose damaged data was moved away: its
    // term is `term` and it is of no use as a voter before its log reaches `rejoin_at`.
    void empty(std::uint32_t node, Term term, LogIndex rejoin_at);
    // A node that is down has lost its disk, and gets a new one. Nothing else knows of it.
    void lose_disk(std::uint32_t node);
    // As the leader knows it; none while nobody leads.
    std::optional<Configuration> configuration() const;
    // The machine loses power.
    void crash(std::uint32_t node, Crash what = Crash::keep_nothing);
    // The process alone dies.
    void kill(std::uint32_t node);
    // Asks the process to stop in good order; it is down some time later.
    void stop(std::uint32_t node);
    void pause(std::uint32_t node) { this->node(node).pause(); }
    void resume(std::uint32_t node) { this->node(node).resume(); }
    SimNode& node(std::uint32_t node) { return *nodes_.at(node - 1); }
    SimNode& node(NodeId node) { return this->node(node.value); }
    const SimNode& node(std::uint32_t node) const { return *nodes_.at(node - 1); }
    const SimNode& node(NodeId node) const { return this->node(node.value); }
    std::size_t size() const { return nodes_.size(); }
    // The node that leads the newest term; none if none does.
    std::optional<NodeId> leader() const;

    // ---- network

    void cut(std::uint32_t a, std::uint32_t b, Network::Cut how = Network::Cut::loses);
    void cut_one_way(std::uint32_t from, std::uint32_t to, Network::Cut how = Network::Cut::loses);
    // Cuts every link between the two groups.
    void part(const std::vector<std::uint32_t>& some, const std::vector<std::uint32_t>& others,
              Network::Cut how = Network::Cut::loses);
    void heal(std::uint32_t a, std::uint32_t b);
    void heal();  // all links
    Network& network() { return network_; }
    const Network& network() const { return network_; }

    // ---- clients

    // Hands the node's gateway a frame, as the client socket would. Lost if the node is not alive.
    void request(NodeId node, ClientFrame frame);
    void listen(ClientEvents* listener) { listener_ = listener; }

    // ---- by hand

    // Puts a message under way, as if `from` had sent it.
    void send(Address from, Address to, const AnyMessage& message);
    Mail& letters() { return mail_; }

    // ---- what can be seen

    ClusterRules& rules() { return rules_; }
    const ClusterRules& rules() const { return rules_; }
    // Of everything that was delivered so far; equal for equal runs.
    std::uint64_t hash() const { return hash_; }
    std::uint64_t messages() const { return messages_; }
    const ClusterOptions& options() const { return options_; }
    // Every message that is handed to an actor, before it takes it.
    std::function<void(const Delivery&)> on_delivery;

private:
    // Whom a node has connections with, as its replicator has told its bus; and whom it refuses.
    struct Door {
        std::set<NodeId> peers;
        std::set<NodeId> guests;  // let in since they know a later configuration
        std::vector<NodeId> removed;
        LogIndex in_force, committed;
        Configuration configuration;  // in force
        bool knows(NodeId node) const { return peers.contains(node) || guests.contains(node); }
    };

    // World
    Schedule& schedule() override { return schedule_; }
    Mail& mail() override { return mail_; }
    const Pace& pace() const override { return options_.pace; }
    Watcher* watcher() override { return options_.watcher; }
    Tamper* tamper() override { return options_.tamper; }
    bool runs_by_itself() const override { return !options_.by_hand; }
    void post(SimNode& from, const Envelope& envelope, const AnyMessage& message,
              Moment sent) override;
    void delivered(SimNode& node, const Opened& letter) override;
    void stepped(SimNode& node, ActorName actor) override;
    void on_starting(SimNode& node) override;
    void on_up(SimNode& node) override;
    void on_down(SimNode& node) override;
    // NetworkEvents
    void on_peer_up(NodeId at, NodeId peer) override;
    void on_peer_lost(NodeId at, NodeId peer) override;
    void on_link_broken(NodeId from, NodeId to) override;
    void on_released(NodeId from, NodeId to, std::uint64_t parcel, Moment due) override;

    void post_inside(SimNode& node, Mail::PipeNumber pipe, Letter letter);
    void post_between(const Envelope& envelope, Mail::PipeNumber pipe, Letter letter);
    void stop_when_idle(NodeId node);
    Door& door(NodeId node) { return doors_[node.value - 1]; }
    void follow(SimNode& node, const Reconfigured& reconfigured);
    bool let_in(NodeId from, NodeId to);
    void refuse(NodeId from, NodeId to);
    void greet(NodeId at, NodeId peer);
    void tell_later(NodeId from, NodeId to, const AnyMessage& told);
    void hear(SimNode& node, const AnyMessage& message);
    void hear_streams(NodeId node, const StreamReplies& replies);
    void tell_actors(NodeId node, const AnyMessage& message,
                     std::initializer_list<ActorName> actors);
    Broken check_leases() const;
    void demand(Broken broken);
    void note(const std::string& event);

    ClusterOptions options_;
    Schedule schedule_;
    Random random_;
    Mail mail_;
    Network network_;
    ClusterRules rules_;
    std::vector<NodeOptions> node_options_;  // by node
    std::vector<std::unique_ptr<SimNode>> nodes_;
    std::vector<bool> born_;                                                // by node
    std::vector<Door> doors_;                                               // by node
    std::map<std::uint64_t, std::pair<Mail::PipeNumber, Letter>> parcels_;  // held by cuts
    std::set<NodeId> stopping_;
    std::vector<std::uint64_t> sent_by_bus_;  // by node
    ClientEvents* listener_ = nullptr;
    std::uint64_t hash_ = 0;
    std::uint64_t messages_ = 0;
};

}  // namespace raftbus::sim
