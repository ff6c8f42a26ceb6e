#include "tests/testing/stage.hpp"

#include "messages/crc32c.hpp"
#include "messages/text.hpp"
#include "tests/testing/commands.hpp"

namespace raftbus::testing {
namespace {

sim::ClusterOptions by_hand(std::size_t nodes, RaftOptions options, sim::Tamper& tamper) {
    sim::ClusterOptions cluster;
    cluster.nodes = nodes;
    options.members.clear();  // the cluster names them itself
    cluster.node.raft = std::move(options);
    cluster.by_hand = true;
    cluster.tamper = &tamper;
    return cluster;
}

bool keeps_aside(ActorName actor) {
    return actor == ActorName::gateway || actor == ActorName::state_machine ||
           actor == ActorName::bus;
}

}  // namespace

RaftOptions stage_options(std::size_t nodes) {
    RaftOptions options;
    for (std::size_t n = 1; n <= nodes; ++n)
        options.members.push_back({NodeId(static_cast<std::uint32_t>(n)), true, "", ""});
    return options;
}

Stage::Stage(std::size_t nodes, RaftOptions options, std::function<void(std::string)> told)
    : options_(std::move(options)),
      told_(std::move(told)),
      cluster_(by_hand(nodes, options_, *this)) {
    for (std::size_t n = 1; n <= nodes; ++n) restart(NodeId(static_cast<std::uint32_t>(n)));
}

// ---- life and death

void Stage::restart(NodeId id) {
    cluster_.start(id.value);
    stored_[id] = cluster_.node(id).log().recovered().hard_state;
    settle_quietly();
    // TermSaved of the stored term belongs to the start.
    if (under_way(election(id.value), replicator(id.value)))
        deliver(election(id.value), replicator(id.value));
}

void Stage::crash(NodeId id) {
    CHECK(alive(id));
    cluster_.crash(id.value);
}

// ---- messages

bool Stage::on_send(sim::SimNode& node, Envelope& envelope, AnyMessage& message) {
    if (envelope.to.actor == ActorName::bus) answers_[node.id()].push_back(message);
    return true;
}

bool Stage::on_receive(sim::SimNode& node, Envelope& envelope, AnyMessage& message) {
    if (envelope.to.actor == ActorName::gateway) answers_[node.id()].push_back(message);
    if (auto* save = std::get_if<SaveHardState>(&message))
        stored_[node.id()] = {save->term, save->vote};
    if (told_ && !quiet(envelope.from, envelope.to))
        told_(to_text(envelope.from) + " > " + to_text(envelope.to) + "  " + to_text(message));
    return true;
}

// What a script sends in the name of a gateway or the bus is part of the conversation.
bool Stage::quiet(Address from, Address to) const {
    if (named_.contains({from, to})) return false;
    return keeps_aside(to.actor) || from.actor == ActorName::state_machine;
}

void Stage::send(Address from, Address to, const AnyMessage& message) {
    if (from.node != to.node && cluster_.network().cut(from.node, to.node)) return;
    const Envelope envelope{.from = from, .to = to};
    cluster_.letters().put(pipe(from, to), sim::Mail::seal(envelope, message, cluster_.now()));
}

void Stage::propose(NodeId at, NodeId leader, const std::string& key) {
    std::string body;
    append_command(body, set(key, ""));
    const std::uint32_t crc = crc32c(body);
    send({at, ActorName::gateway}, {leader, ActorName::replicator},
         Propose{cluster_.node(leader).replicator().fence(), ProposalNumber(++proposals_), 1, crc,
                 SharedBytes::own(std::move(body))});
}

sim::Mail::PipeNumber Stage::pipe(Address from, Address to) {
    return cluster_.letters().pipe(from, to);
}

sim::Mail::PipeNumber Stage::pipe_in_use(Address from, Address to) {
    CHECK(under_way(from, to), "nothing is under way from " + to_text(from) + " to " + to_text(to));
    return pipe(from, to);
}

bool Stage::under_way(Address from, Address to) {
    return !cluster_.letters().empty(pipe(from, to));
}

void Stage::deliver(Address from, Address to) {
    cluster_.node(to.node).deliver(pipe_in_use(from, to));
    settle_quietly();
}

void Stage::duplicate(Address from, Address to) {
    cluster_.node(to.node).deliver_copy(pipe_in_use(from, to));
    settle_quietly();
}

void Stage::drop(Address from, Address to) {
    cluster_.letters().take(pipe_in_use(from, to), Moment::max());
}

void Stage::hold(Address from, Address to) {
    held_.insert({from, to});
    named_.insert({from, to});
}

void Stage::release(Address from, Address to) {
    held_.erase({from, to});
}

void Stage::settle(NodeId only) {
    sim::Mail& mail = cluster_.letters();
    const auto next = [&]() -> std::optional<Pair> {
        for (const auto pipe : mail.in_use()) {
            const Pair pair(mail.sender(pipe), mail.receiver(pipe));
            const bool inside = pair.first.node == only && pair.second.node == only;
            if (!held_.contains(pair) && (!only || inside)) return pair;
        }
        return std::nullopt;
    };
    constexpr int kStepsMax = 10'000;
    for (int step = 0; const auto pair = next(); ++step) {
        CHECK(step < kStepsMax, "this does not settle");
        deliver(pair->first, pair->second);
    }
}

void Stage::settle_quietly() {
    sim::Mail& mail = cluster_.letters();
    for (bool more = true; std::exchange(more, false);)
        for (const auto pipe : mail.in_use()) {
            if (!quiet(mail.sender(pipe), mail.receiver(pipe))) continue;
            cluster_.node(mail.receiver(pipe).node).deliver(pipe);
            more = true;
        }
}

void Stage::cut(NodeId a, NodeId b) {
    cluster_.cut(a.value, b.value);
    cluster_.letters().drop(a, b);
    cluster_.letters().drop(b, a);
}

// ---- timers

void Stage::fire(NodeId id, ActorName actor, TimerId timer) {
    CHECK(cluster_.node(id).fire(actor, timer), "the timer is set");
    settle_quietly();
}

void Stage::election_timeout(NodeId id) {
    constexpr TimerId kElectionTimeout = 1;
    fire(id, ActorName::election, kElectionTimeout);
}

void Stage::tick(NodeId id) {
    constexpr TimerId kTick = 1;
    fire(id, ActorName::replicator, kTick);
}

// ---- what can be seen

NodeView Stage::view(NodeId id) {
    sim::SimNode& node = cluster_.node(id);
    return view_of(id, node.election(), node.replicator(), stored_.at(id), node.log().last());
}

std::string Stage::show(NodeId id) {
    if (!alive(id)) return "n" + std::to_string(id.value) + " down";
    const NodeView v = view(id);
    std::string log;
    for (LogIndex i = v.tail->first(); i <= v.last.index; i = i.next())
        log += (log.empty() ? "" : " ") + to_text(v.tail->entry_at(i));
    const auto number = [](auto n) { return std::to_string(n.value); };
    return "n" + number(id) + " " + std::string(to_string(v.role)) + (v.leads ? " leads" : "") +
           " term=" + number(v.term) + " vote=" + (v.vote ? "n" + number(v.vote) : "none") +
           " stored=" + number(v.stored.term) + " fence=" + number(v.fence) +
           " open=" + number(v.open) + " log=[" + log + "] durable=" + number(v.durable) +
           " commit=" + number(v.commit);
}

}  // namespace raftbus::testing
