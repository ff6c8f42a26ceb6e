#include "sim/cluster.hpp"

#include <algorithm>

#include "messages/text.hpp"

namespace raftbus::sim {

Cluster::Cluster(ClusterOptions options)
    : options_(std::move(options)),
      schedule_(splitmix(options_.seed)),
      random_(splitmix(options_.seed + 1)),
      mail_(options_.nodes + options_.spares),
      network_(schedule_, *this, options_.nodes + options_.spares, splitmix(options_.seed + 2)),
      rules_(options_.nodes + options_.spares),
      doors_(options_.nodes + options_.spares),
      sent_by_bus_(options_.nodes + options_.spares) {
    network_.set_weather(options_.weather);
    auto& members = options_.node.raft.members;
    for (std::uint32_t n = 1; n <= options_.nodes; ++n)
        members.push_back({NodeId(n), true, "sim://" + std::to_string(n), ""});
    World& world = *this;
    node_options_.resize(options_.nodes + options_.spares, options_.node);
    for (std::uint32_t n = 1; n <= node_options_.size(); ++n) {
        if (n <= options_.priorities.size())
            node_options_[n - 1].raft.priority = options_.priorities[n - 1];
        nodes_.push_back(
            std::make_unique<SimNode>(world, NodeId(n), node_options_[n - 1], random_.next()));
        born_.push_back(n <= options_.nodes);
    }
}

Cluster::~Cluster() = default;

// ---- time

void Cluster::run(Duration time) {
    const Moment end = now() + time;
    while (schedule_.due(end)) schedule_.step();
    schedule_.pass_to(end);
}

bool Cluster::run_until(const std::function<bool()>& holds, Duration limit) {
    const Moment end = now() + limit;
    while (!holds()) {
        if (!schedule_.due(end)) {
            schedule_.pass_to(end);
            return holds();
        }
        schedule_.step();
    }
    return true;
}

// ---- nodes

void Cluster::start() {
    for (const auto& node : nodes_)
        if (!node->alive() && born(node->id().value)) node->boot();
}

void Cluster::start(std::uint32_t node) {
    if (born(node)) this->node(node).boot();
}

void Cluster::join(std::uint32_t node) {
    const auto known = configuration();
    if (born(node) || !known) return;
    std::vector<Member>& members = node_options_[node - 1].raft.members;
    members = known->everybody();
    if (!known->find(NodeId(node))) members.push_back({NodeId(node), false, "", ""});
    for (Member& member : members)
        if (member.node == NodeId(node)) member.voter = false;
    born_[node - 1] = true;
    note(to_text(NodeId(node)) + " joins");
    this->node(node).boot();
}

void Cluster::empty(std::uint32_t node, Term term, LogIndex rejoin_at) {
    CHECK(!this->node(node).alive());
    note(to_text(NodeId(node)) + " is emptied");
    RaftOptions& options = node_options_[node - 1].raft;
    options.rejoin_at = rejoin_at;
    if (const auto known = configuration()) options.members = known->everybody();
    this->node(node).empty(term);
    rules_.on_emptied(NodeId(node), term, rejoin_at);
}

std::optional<Configuration> Cluster::configuration() const {
    const auto leads = leader();
    if (!leads) return std::nullopt;
    return node(*leads).replicator().log().configurations().in_force().configuration;
}

void Cluster::crash(std::uint32_t node, Crash what) {
    this->node(node).die(what, random_.next(), "loses power");
}

void Cluster::kill(std::uint32_t node) {
    this->node(node).die(std::nullopt, 0, "is killed");
}

void Cluster::stop(std::uint32_t node) {
    if (!this->node(node).runs()) return;
    note(to_text(NodeId(node)) + " is told to stop");
    stopping_.insert(NodeId(node));
    tell_actors(NodeId(node), Stop{}, {ActorName::election});
}

std::optional<NodeId> Cluster::leader() const {
    const SimNode* newest = nullptr;
    for (const auto& node : nodes_) {
        if (!node->alive() || !node->replicator().leads()) continue;
        if (!newest || node->replicator().fence() > newest->replicator().fence())
            newest = node.get();
    }
    return newest ? std::optional(newest->id()) : std::nullopt;
}

// ---- network

void Cluster::cut(std::uint32_t a, std::uint32_t b, Network::Cut how) {
    cut_one_way(a, b, how);
    cut_one_way(b, a, how);
}

void Cluster::cut_one_way(std::uint32_t from, std::uint32_t to, Network::Cut how) {
    if (from != to) network_.cut(NodeId(from), NodeId(to), how);
}

void Cluster::part(const std::vector<std::uint32_t>& some, const std::vector<std::uint32_t>& others,
                   Network::Cut how) {
    for (const std::uint32_t a : some)
        for (const std::uint32_t b : others) cut(a, b, how);
}

void Cluster::heal(std::uint32_t a, std::uint32_t b) {
    network_.mend(NodeId(a), NodeId(b));
    network_.mend(NodeId(b), NodeId(a));
}

void Cluster::heal() {
    for (std::uint32_t a = 1; a <= size(); ++a)
        for (std::uint32_t b = a + 1; b <= size(); ++b) heal(a, b);
}

// ---- messages

void Cluster::post(SimNode& from, const Envelope& envelope, const AnyMessage& message,
                   Moment sent) {
    demand(rules_.on_said(from.id(), message, envelope.to, sent));
    // First election stops, then the gateway.
    if (std::get_if<Stopped>(&message) && envelope.from.actor == ActorName::election)
        return tell_actors(from.id(), Stop{}, {ActorName::gateway});
    if (envelope.to.actor == ActorName::bus) return hear(from, message);
    const Mail::PipeNumber pipe = mail_.pipe(envelope.from, envelope.to);
    Letter letter = Mail::seal(envelope, message, sent);
    if (envelope.to.node == from.id())
        post_inside(from, pipe, std::move(letter));
    else
        post_between(envelope, pipe, std::move(letter));
}

void Cluster::post_inside(SimNode& node, Mail::PipeNumber pipe, Letter letter) {
    letter.due += Duration(1 + random_.below(options_.pace.neighbour_max.count()));
    const Moment due = mail_.put(pipe, std::move(letter));
    if (!options_.by_hand) node.expect_letter(due, pipe);
}

void Cluster::post_between(const Envelope& envelope, Mail::PipeNumber pipe, Letter letter) {
    SimNode& to = node(envelope.to.node);
    if (!let_in(envelope.from.node, envelope.to.node)) return;
    if (options_.by_hand) {
        if (!network_.cut(envelope.from.node, envelope.to.node)) mail_.put(pipe, std::move(letter));
        return;
    }
    const Network::Fate fate = network_.send(envelope.from.node, envelope.to.node, letter.sent);
    if (fate.copy_due)
        to.expect_stray(*fate.copy_due, mail_.put_stray(pipe, letter), envelope.to.actor);
    letter.due = fate.due;
    switch (fate.what) {
        case Network::Fate::What::lost:
            return;
        case Network::Fate::What::arrives:
            to.expect_letter(mail_.put(pipe, std::move(letter)), pipe);
            return;
        case Network::Fate::What::overtaken:
            to.expect_stray(fate.due, mail_.put_stray(pipe, std::move(letter)), envelope.to.actor);
            return;
        case Network::Fate::What::held:
            parcels_.emplace(fate.parcel, std::pair(pipe, std::move(letter)));
            return;
    }
}

void Cluster::on_released(NodeId, NodeId to, std::uint64_t parcel, Moment due) {
    auto found = parcels_.extract(parcel);
    if (!found) return;
    auto& [pipe, letter] = found.mapped();
    letter.due = due;
    node(to).expect_letter(mail_.put(pipe, std::move(letter)), pipe);
}

// ---- membership, as far as the bus has to do with it

// What was sent without a connection is lost; what comes from a node that is no member is refused,
// unless that one knows a later configuration.
bool Cluster::let_in(NodeId from, NodeId to) {
    Door& sender = door(from);
    Door& receiver = door(to);
    if (!sender.knows(to)) return false;
    if (!node(to).alive() || receiver.knows(from)) return true;
    if (std::find(receiver.removed.begin(), receiver.removed.end(), from) !=
        receiver.removed.end()) {
        refuse(from, to);
        return false;
    }
    if (sender.in_force <= receiver.in_force) return false;
    receiver.guests.insert(from);
    if (network_.connected(to, from)) on_peer_up(to, from);
    return true;
}

void Cluster::refuse(NodeId from, NodeId to) {
    const RemovalTold told{door(to).committed, to};
    if (options_.by_hand) return tell_actors(from, told, {ActorName::replicator});
    const Network::Fate fate = network_.send(to, from, now());
    if (fate.what != Network::Fate::What::arrives) return;
    schedule_.add(fate.due, [this, from, told, life = node(from).life()] {
        if (node(from).alive() && node(from).life() == life)
            tell_actors(from, told, {ActorName::replicator});
    });
}

void Cluster::follow(SimNode& node, const Reconfigured& reconfigured) {
    Door& door = this->door(node.id());
    const Door before = door;
    door.peers.clear();
    for (const Member& peer : reconfigured.peers) door.peers.insert(peer.node);
    door.removed = reconfigured.removed;
    door.in_force = reconfigured.index;
    door.committed = reconfigured.committed;
    std::erase_if(door.guests, [&](NodeId guest) {
        return door.peers.contains(guest) ||
               std::find(door.removed.begin(), door.removed.end(), guest) != door.removed.end();
    });
    for (std::uint32_t n = 1; n <= size(); ++n) {
        const NodeId peer(n);
        if (before.knows(peer) == door.knows(peer) || !network_.connected(node.id(), peer))
            continue;
        const AnyMessage news = door.knows(peer) ? AnyMessage(PeerUp{peer}) : PeerLost{peer};
        tell_actors(node.id(), news,
                    {ActorName::election, ActorName::replicator, ActorName::gateway});
    }
}

// What an actor tells the bus of its node.
void Cluster::hear(SimNode& node, const AnyMessage& message) {
    if (auto* replies = std::get_if<ClientReplies>(&message)) {
        if (listener_)
            for (const ClientFrame& frame : replies->frames) listener_->on_reply(node.id(), frame);
    } else if (auto* streams = std::get_if<StreamReplies>(&message)) {
        hear_streams(node.id(), *streams);
    } else if (auto* reconfigured = std::get_if<Reconfigured>(&message)) {
        follow(node, *reconfigured);
    } else if (std::get_if<Stopped>(&message) && stopping_.erase(node.id())) {
        schedule_.add(now(), [this, id = node.id(), life = node.life()] {
            if (this->node(id).life() == life) stop_when_idle(id);
        });
    }
}

// As the client port does.
void Cluster::hear_streams(NodeId node, const StreamReplies& replies) {
    StreamsTaken taken{replies.burst, {}};
    std::uint64_t stopped = 0;
    std::map<std::uint64_t, std::uint64_t> counts;  // by stream
    for (const StreamFrame& frame : replies.frames) {
        if (frame.stream == stopped) continue;
        using Heard = ClientEvents::Heard;
        const Heard heard = listener_ ? listener_->on_stream(node, frame) : Heard::taken;
        if (heard == Heard::taken) {
            ++counts[frame.stream];
        } else {
            stopped = frame.stream;
            taken.stopped.push_back({frame.stream, counts[frame.stream], heard == Heard::gone});
        }
    }
    tell_actors(node, taken, {ActorName::gateway});
}

// Storage is let finish what it is at.
void Cluster::stop_when_idle(NodeId id) {
    SimNode& node = this->node(id);
    if (!node.alive()) return;
    if (node.disk().busy_until() <= now()) return node.stop();
    schedule_.add(node.disk().busy_until(), [this, id, life = node.life()] {
        if (this->node(id).life() == life) stop_when_idle(id);
    });
}

void Cluster::tell_actors(NodeId to, const AnyMessage& message,
                          std::initializer_list<ActorName> actors) {
    for (const ActorName actor : actors) send({to, ActorName::bus}, {to, actor}, message);
}

void Cluster::send(Address from, Address to, const AnyMessage& message) {
    SimNode& sender = node(from.node);
    if (!sender.alive()) return;
    const Envelope envelope{.from = from,
                            .to = to,
                            .number = ++sent_by_bus_[from.node.value - 1],
                            .sent = sender.clock().wall_at(now())};
    post(sender, envelope, message, now());
}

void Cluster::request(NodeId node, ClientFrame frame) {
    tell_actors(node, ClientRequests{{std::move(frame)}}, {ActorName::gateway});
}

void Cluster::on_peer_up(NodeId at, NodeId peer) {
    if (!door(at).knows(peer)) return;
    tell_actors(at, PeerUp{peer}, {ActorName::election, ActorName::replicator, ActorName::gateway});
}

void Cluster::on_peer_lost(NodeId at, NodeId peer) {
    if (!door(at).knows(peer)) return;
    tell_actors(at, PeerLost{peer},
                {ActorName::election, ActorName::replicator, ActorName::gateway});
}

void Cluster::on_link_broken(NodeId from, NodeId to) {
    mail_.drop(from, to);
}

// ---- steps

void Cluster::delivered(SimNode& node, const Opened& letter) {
    ++messages_;
    hash_ = splitmix(hash_ ^ letter.hash ^
                     static_cast<std::uint64_t>(now().time_since_epoch().count()));
    if (letter.delivery.envelope.to.actor == ActorName::storage)
        rules_.on_asked(node.id(), letter.delivery.message);
    if (on_delivery) on_delivery(letter.delivery);
}

void Cluster::stepped(SimNode& node, ActorName actor) {
    switch (actor) {
        case ActorName::election:
        case ActorName::replicator:
        case ActorName::storage:
            demand(rules_.on_step(node.id(), node.election(), node.replicator(), now()));
            if (actor == ActorName::replicator && options_.node.raft.lease) demand(check_leases());
            return;
        case ActorName::state_machine:
            if (node.kv().installed()) demand(rules_.on_installed(node.id(), node.kv().applied()));
            demand(rules_.on_applied(node.id(), node.kv().applied(), node.kv().digest()));
            return;
        case ActorName::gateway:
        case ActorName::bus:
            return;
    }
}

void Cluster::on_starting(SimNode& node) {
    door(node.id()) = {};
    const Log& log = node.log();
    ClusterRules::Found found;
    found.before_first = log.before_first();
    if (log.first() <= log.last().index) found.log = node.log().read(log.first(), ~0ULL);
    found.hard_state = log.recovered().hard_state;
    found.applied = node.kv().applied().index;
    found.base = configuration_of(node.options().raft.members);
    demand(rules_.on_start(node.id(), found, node.disk().busy_until()));
}

void Cluster::on_up(SimNode& node) {
    note(to_text(node.id()) + " is up");
    if (!options_.by_hand) network_.on_node_up(node.id());
}

void Cluster::on_down(SimNode& node) {
    stopping_.erase(node.id());
    rules_.on_end(node.id(), now());
    if (!options_.by_hand) network_.on_node_down(node.id());
}

// While a leader's lease holds, a majority is bound not to let anybody else be elected: by a
// promise to it, or because they are down, and will promise before they do anything.
Broken Cluster::check_leases() const {
    for (const auto& node : nodes_) {
        const Leading* leading =
            node->alive() ? std::as_const(*node).replicator().leading() : nullptr;
        if (!leading || !leading->lease_holds()) continue;
        const auto bound = [&](NodeId voter) {
            const SimNode& other = this->node(voter);
            const bool acts = other.alive() && other.state() != SimNode::State::starting;
            if (voter == node->id() || !acts) return true;
            const Replicator& replicator = other.replicator();
            return replicator.fence() <= leading->term() && replicator.promises();
        };
        const SimNode& holder = *node;
        for (const auto& half :
             holder.replicator().log().configurations().in_force().configuration.halves())
            if (static_cast<std::size_t>(std::count_if(half.begin(), half.end(), bound)) <=
                half.size() / 2)
                return to_text(node->id()) + ": holds a lease that no majority has promised";
    }
    return std::nullopt;
}

void Cluster::demand(Broken broken) {
    if (broken) throw RuleBroken(*broken);
}

void Cluster::note(const std::string& event) {
    if (options_.watcher) options_.watcher->on_event(now(), event);
}

}  // namespace raftbus::sim
