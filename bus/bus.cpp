#include "bus/bus.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bus/endpoint.hpp"
#include "bus/preamble.hpp"
#include "messages/text.hpp"

namespace raftbus {
namespace {

constexpr TimerId kCheckLinks = 1;
constexpr TimerId kStopLimit = 2;
constexpr TimerId kChangeLinks = 3;
constexpr TimerId kTellTaken = 4;
constexpr Duration kCheckInterval = std::chrono::milliseconds(250);
constexpr Duration kTellTakenEvery = std::chrono::milliseconds(10);

}  // namespace

Bus::Bus(Shared& shared, Worker& worker, Context& context, std::function<void()> finished)
    : shared_(shared),
      worker_(worker),
      context_(context),
      finished_(std::move(finished)),
      complaints_(shared.log),
      scheduling_(shared.config.threads.scheduling),
      trace_port_(shared.zmq, shared.tracing),
      trace_inbox_(shared.zmq, trace_port_),
      links_(shared, *this),
      peer_inbox_(shared.zmq, [this](NodeId peer, Frames& message) { links_.send(peer, message); }),
      peer_port_(
          shared, complaints_, [this](const Member& guest) { on_guest(guest); },
          [this](const PeerSpeaks& speaks) {
              tell({ActorName::replicator, ActorName::gateway}, speaks);
          }),
      client_port_(shared, complaints_, [this](ClientRequests requests) {
          context_.send(shared_.address(ActorName::gateway), std::move(requests));
      }) {}

Status Bus::open() {
    const NodeConfig& config = shared_.config;
    auto peers = bind(peer_port_.socket(), config.peer_bind, "peers");
    if (!peers) return peers.error();
    auto clients = bind(client_port_.socket(), config.client_bind, "clients");
    if (!clients) return clients.error();
    peer_endpoint_ = *peers;
    client_endpoint_ = *clients;
    if (!config.trace_bind.empty()) {
        auto traces = bind(trace_port_.socket(), config.trace_bind, "traces");
        if (!traces) return traces.error();
        trace_endpoint_ = *traces;
        worker_.set_trace(trace_port_);
        worker_.add(trace_port_, Rank::rest);
        worker_.add(trace_inbox_, Rank::rest);
    }
    warn_of_ephemeral_ports();

    worker_.post().set_peers(links_);
    peer_port_.set_post(worker_.post());
    for (Source* link : links_.sources()) worker_.add(*link, Rank::control);
    worker_.add(peer_port_, Rank::peers);
    worker_.add(client_port_, Rank::clients);
    for (Source* source : client_port_.gate().sources()) worker_.add(*source, Rank::clients);
    worker_.add(peer_inbox_, Rank::rest);
    return Done{};
}

Result<std::string> Bus::bind(zmq::socket_t& socket, const std::string& endpoint,
                              std::string_view purpose) {
    return bind_endpoint(socket, endpoint, purpose, shared_.config.insecure_bind);
}

void Bus::close() {
    links_.close();
    peer_port_.socket().close();
    client_port_.gate().close();
    client_port_.socket().close();
    trace_port_.socket().close();
}

void Bus::warn_of_ephemeral_ports() {
    const auto range = ephemeral_ports();
    if (!range) return;
    std::vector<std::string> endpoints{peer_endpoint_, client_endpoint_, trace_endpoint_};
    for (const Member& member : shared_.config.members) endpoints.push_back(member.peer);
    std::ranges::sort(endpoints);
    const auto [repeated, end] = std::ranges::unique(endpoints);
    endpoints.erase(repeated, end);
    for (const std::string& endpoint : endpoints) {
        const auto port = port_of(endpoint);
        if (!port || *port < range->first || *port > range->second) continue;
        context_.log(
            LogLevel::warning,
            fmt::format("{} lies among the ports that the kernel gives to outgoing connections, "
                        "{} to {}: a restart may find it taken; use one below {}",
                        endpoint, range->first, range->second, range->first));
    }
}

bool Bus::has(ActorName actor) const {
    return std::ranges::find(shared_.actors, actor) != shared_.actors.end();
}

template <class News>
void Bus::tell(std::initializer_list<ActorName> actors, const News& news) {
    for (const ActorName actor : actors)
        if (has(actor)) context_.send(shared_.address(actor), news);
}

void Bus::start() {
    context_.set_timer(kCheckLinks, kCheckInterval);
    context_.log(LogLevel::info,
                 fmt::format("node {} of cluster \"{}\" serves clients at {}, peers at {}{}",
                             shared_.config.id.value, shared_.config.cluster, client_endpoint_,
                             peer_endpoint_,
                             trace_endpoint_.empty() ? "" : ", traces at " + trace_endpoint_));
}

void Bus::on_timer(TimerId id) {
    if (id == kCheckLinks) {
        links_.check(context_.now(), worker_.sources());
        tell_connected();
        scheduling_.look(context_.now());
        context_.set_timer(kCheckLinks, kCheckInterval);
    } else if (id == kTellTaken) {
        tell_taken();
    } else if (id == kChangeLinks) {
        change_links();
    } else {
        CHECK(id == kStopLimit);
        context_.log(LogLevel::warning, "an actor did not stop in time; stopping without it");
        advance_stop();
    }
}

void Bus::on(const ClientReplies& replies, const Envelope&) {
    client_port_.reply(replies);
    if (client_port_.waits_for_readers() && !telling_taken_) {
        telling_taken_ = true;
        context_.set_timer(kTellTaken, kTellTakenEvery);
    }
}

// The gateway reads no more from the state than clients take.
void Bus::tell_taken() {
    RepliesTaken taken = client_port_.taken();
    if (!taken.clients.empty()) tell({ActorName::gateway}, taken);
    telling_taken_ = client_port_.waits_for_readers();
    if (telling_taken_) context_.set_timer(kTellTaken, kTellTakenEvery);
}

void Bus::tell_connected() {
    ConnectionCount& count = client_port_.gate().count();
    count.settle(context_.now());
    const ClientsConnected now{count.connected(), count.refused()};
    if (now == connected_told_) return;
    connected_told_ = now;
    tell({ActorName::gateway}, now);
}

void Bus::on(const StreamReplies& replies, const Envelope& envelope) {
    context_.send(envelope.from, client_port_.send_streams(replies));
}

// Links are sources, which are being visited while a message is handled; timers fire in between.
void Bus::on(const Reconfigured& reconfigured, const Envelope&) {
    peers_ = reconfigured.peers;
    configured_ = reconfigured.index;
    std::vector<NodeId> ids;
    for (const Member& peer : peers_) ids.push_back(peer.node);
    peer_port_.admission().follow(ids, reconfigured.removed, reconfigured.index,
                                  reconfigured.committed, reconfigured.configuration);
    if (reconfigured.index == reconfigured.committed)
        peer_port_.admission().require(reconfigured.configuration.version);
    const auto& admitted = peer_port_.admission().guests();
    std::erase_if(guests_, [&](const Member& guest) { return !admitted.contains(guest.node); });
    context_.set_timer(kChangeLinks, Duration(0));
}

void Bus::on_guest(const Member& guest) {
    context_.log(LogLevel::info,
                 fmt::format("node {} at {} is not among the members that this node knows, but "
                             "knows a later configuration",
                             guest.node.value, guest.peer));
    guests_.push_back(guest);
    context_.set_timer(kChangeLinks, Duration(0));
}

void Bus::change_links() {
    std::vector<Member> members = peers_;
    members.insert(members.end(), guests_.begin(), guests_.end());
    links_.follow(members, configured_, peer_port_.admission().formed(), worker_.sources());
}

void Bus::on_peer_up(NodeId peer) {
    context_.log(LogLevel::info,
                 fmt::format("connected to peer {} at {}", peer.value, links_.member(peer).peer));
    tell({ActorName::election, ActorName::replicator, ActorName::gateway}, PeerUp{peer});
}

void Bus::on_peer_lost(NodeId peer) {
    context_.log(LogLevel::info, fmt::format("lost the connection to peer {} at {}", peer.value,
                                             links_.member(peer).peer));
    tell({ActorName::election, ActorName::replicator, ActorName::gateway}, PeerLost{peer});
}

void Bus::on_peer_answer(NodeId peer, const Frames& frames) {
    const NodeConfig& config = shared_.config;
    const std::string& endpoint = links_.member(peer).peer;
    const auto refusal = decode_refusal(view_of(frames[0]));
    if (!refusal) {
        complaints_.say(
            LogLevel::error, fmt::format("answer of {}", peer.value),
            fmt::format("peer {} at {} does not answer as a raftbus peer; is that its port for "
                        "clients? check --peers",
                        peer.value, endpoint),
            context_.now());
        return;
    }
    if (refusal->cause == RefusalCause::removed)
        tell({ActorName::replicator}, RemovalTold{refusal->index, peer});
    if (refusal->cause == RefusalCause::another_formation ||
        refusal->cause == RefusalCause::another_disk)
        tell({ActorName::replicator}, KeptOut{peer});
    complaints_.say(
        LogLevel::error,
        fmt::format("refused by {} {}", peer.value, static_cast<int>(refusal->cause)),
        tell_refused(*refusal, config.id, config.cluster, peer, endpoint, config.versions),
        context_.now());
}

// ---- the orderly stop

void Bus::stop() {
    if (phase_ != Phase::running) return;
    context_.log(LogLevel::info, "stopping");
    ask_to_stop(Phase::election_stops, ActorName::election, shared_.config.stop_election_limit);
}

void Bus::ask_to_stop(Phase phase, ActorName actor, Duration limit) {
    phase_ = phase;
    if (!has(actor)) return advance_stop();
    context_.set_timer(kStopLimit, limit);
    context_.send(shared_.address(actor), Stop{});
}

void Bus::on(const Stopped&, const Envelope& envelope) {
    const bool awaited =
        (phase_ == Phase::election_stops && envelope.from.actor == ActorName::election) ||
        (phase_ == Phase::gateway_stops && envelope.from.actor == ActorName::gateway);
    if (awaited) advance_stop();
}

void Bus::advance_stop() {
    context_.cancel_timer(kStopLimit);
    if (phase_ == Phase::election_stops)
        return ask_to_stop(Phase::gateway_stops, ActorName::gateway,
                           shared_.config.stop_gateway_limit);
    phase_ = Phase::finished;
    finished_();
}

}  // namespace raftbus
