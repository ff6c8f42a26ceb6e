#include "tests/testing/stage.hpp"

#include "messages/crc32c.hpp"
#include "messages/text.hpp"

namespace raftbus::testing {

// One actor's door to the stage.
class Stage::ActorContext : public Context {
public:
    ActorContext(Stage& stage, Address self) : stage_(stage), self_(self) {}

    Address self() const override { return self_; }
    void send(Address to, AnyMessage message) override {
        stage_.post(self_, to, std::move(message));
    }
    void set_timer(TimerId id, Duration) override { timers_.insert(id); }
    void cancel_timer(TimerId id) override { timers_.erase(id); }
    Moment now() const override { return stage_.now_; }
    WallTime wall_time() const override { return WallTime(0); }
    std::uint64_t random(std::uint64_t bound) override { return draw(stage_.random_, bound); }
    void run_in_background(JobId, std::function<void()>) override {}
    void log(LogLevel, std::string_view) override {}
    bool traced() const override { return false; }
    void mark(RequestId, std::string_view) override {}
    void serve(RequestId) override {}
    void answering(const Envelope&) override {}

    // True if the timer was set; it is not any more.
    bool fire(TimerId id) { return timers_.erase(id) > 0; }

private:
    Stage& stage_;
    Address self_;
    std::set<TimerId> timers_;
};

RaftOptions stage_options(std::size_t nodes) {
    RaftOptions options;
    for (std::size_t n = 1; n <= nodes; ++n)
        options.members.push_back({NodeId(static_cast<std::uint32_t>(n)), true, "", ""});
    return options;
}

Stage::Stage(std::size_t nodes, RaftOptions options, std::function<void(std::string)> told)
    : options_(std::move(options)), told_(std::move(told)) {
    for (std::size_t n = 1; n <= nodes; ++n) restart(NodeId(static_cast<std::uint32_t>(n)));
}

Stage::~Stage() = default;

// ---- life and death

void Stage::restart(NodeId id) {
    CHECK(!alive(id));
    auto opened = Log::open(disks_[id], {.identity = id.value, .segment_bytes = 1 << 20});
    Node& node = nodes_[id];
    node.log = std::move(opened.value());
    const RecoveredLog& recovered = node.log->recovered();
    node.stored = recovered.hard_state;
    for (ActorName name : {ActorName::election, ActorName::replicator, ActorName::storage})
        node.contexts[name] = std::make_unique<ActorContext>(*this, Address{id, name});
    node.election = std::make_unique<Election>(*node.contexts[ActorName::election], options_,
                                               recovered.hard_state);
    applied_[id].clear();
    node.replicator = std::make_unique<Replicator>(*node.contexts[ActorName::replicator], options_,
                                                   recovered, LogIndex(0));
    node.storage = std::make_unique<Storage>(*node.contexts[ActorName::storage], *node.log);
    before_.erase(id);
    node.storage->start();
    node.replicator->start();
    node.election->start();
    // TermSaved of the stored term belongs to the start.
    if (under_way(election(id.value), replicator(id.value)))
        deliver(election(id.value), replicator(id.value));
    check();
}

void Stage::crash(NodeId id) {
    CHECK(alive(id));
    nodes_.erase(id);
    disks_[id].crash(Crash::keep_nothing);
    std::erase_if(under_way_, [&](const auto& queue) {
        return queue.first.first.node == id && queue.first.second.node == id;
    });
}

// ---- messages

void Stage::post(Address from, Address to, AnyMessage message) {
    if (from.node != to.node && cut_.contains(std::minmax(from.node, to.node))) return;
    Envelope envelope;
    envelope.from = from;
    envelope.to = to;
    if (to.actor == ActorName::gateway || to.actor == ActorName::bus) {
        gateway_[to.node].push_back(std::move(message));
        return;
    }
    if (to.actor == ActorName::state_machine) {
        for (const Batch& batch : std::get<Apply>(message).batches)
            applied_[to.node].push_back(batch);
        return;
    }
    under_way_[{from, to}].push_back({envelope, std::move(message)});
}

void Stage::send(Address from, Address to, AnyMessage message) {
    post(from, to, std::move(message));
}

void Stage::propose(NodeId at, NodeId leader, const std::string& body, std::uint32_t count) {
    post({at, ActorName::gateway}, {leader, ActorName::replicator},
         Propose{nodes_.at(leader).replicator->fence(), ProposalNumber(++proposals_), count,
                 crc32c(body), SharedBytes::copy(body)});
}

bool Stage::under_way(Address from, Address to) const {
    const auto queue = under_way_.find({from, to});
    return queue != under_way_.end() && !queue->second.empty();
}

Stage::UnderWay& Stage::oldest(Address from, Address to) {
    CHECK(under_way(from, to), "nothing is under way from " + to_text(from) + " to " + to_text(to));
    return under_way_[{from, to}].front();
}

void Stage::deliver(Address from, Address to) {
    const UnderWay message = oldest(from, to);
    under_way_[{from, to}].pop_front();
    take(message);
}

void Stage::duplicate(Address from, Address to) {
    const UnderWay message = oldest(from, to);
    take(message);
}

void Stage::drop(Address from, Address to) {
    oldest(from, to);
    under_way_[{from, to}].pop_front();
}

void Stage::take(const UnderWay& u) {
    Actor* receiver = actor(u.envelope.to);
    if (!receiver) return;
    if (told_)
        told_(to_text(u.envelope.from) + " > " + to_text(u.envelope.to) + "  " +
              to_text(u.message));
    CHECK(receiver->receive(u.envelope, u.message), "an actor that takes this message");
    receiver->on_drained();
    if (auto* save = std::get_if<SaveHardState>(&u.message))
        nodes_.at(u.envelope.to.node).stored = {save->term, save->vote};
    check();
}

void Stage::settle(NodeId only) {
    const auto next = [&]() -> const Pair* {
        for (const auto& [pair, queue] : under_way_) {
            const bool inside = pair.first.node == pair.second.node && pair.first.node == only;
            if (!queue.empty() && !held_.contains(pair) && (!only || inside)) return &pair;
        }
        return nullptr;
    };
    constexpr int kStepsMax = 10'000;
    for (int step = 0; const Pair* pair = next(); ++step) {
        CHECK(step < kStepsMax, "this does not settle");
        const Pair copy = *pair;
        deliver(copy.first, copy.second);
    }
}

void Stage::cut(NodeId a, NodeId b) {
    cut_.insert(std::minmax(a, b));
    std::erase_if(under_way_, [&](const auto& queue) {
        const auto [from, to] = queue.first;
        return std::minmax(from.node, to.node) == std::minmax(a, b);
    });
}

// ---- timers

void Stage::election_timeout(NodeId id) {
    constexpr TimerId kElectionTimeout = 1;
    Node& node = nodes_.at(id);
    CHECK(node.contexts[ActorName::election]->fire(kElectionTimeout), "the timer is set");
    node.election->on_timer(kElectionTimeout);
    node.election->on_drained();
    check();
}

void Stage::tick(NodeId id) {
    constexpr TimerId kTick = 1;
    Node& node = nodes_.at(id);
    CHECK(node.contexts[ActorName::replicator]->fire(kTick), "the timer is set");
    node.replicator->on_timer(kTick);
    node.replicator->on_drained();
    check();
}

// ---- what can be seen

Actor* Stage::actor(Address address) {
    const auto node = nodes_.find(address.node);
    if (node == nodes_.end()) return nullptr;
    switch (address.actor) {
        case ActorName::election:
            return node->second.election.get();
        case ActorName::replicator:
            return node->second.replicator.get();
        case ActorName::storage:
            return node->second.storage.get();
        default:
            return nullptr;
    }
}

NodeView Stage::view(NodeId id) const {
    const Node& node = nodes_.at(id);
    return view_of(id, *node.election, *node.replicator, node.stored, node.log->last());
}

std::string Stage::show(NodeId id) const {
    if (!alive(id)) return "n" + std::to_string(id.value) + " down";
    const NodeView v = view(id);
    std::string log;
    const LogTail& tail = nodes_.at(id).replicator->log().tail();
    for (LogIndex i = tail.first(); i <= v.last.index; i = i.next())
        log += (log.empty() ? "" : " ") + to_text(tail.entry_at(i));
    const auto number = [](auto n) { return std::to_string(n.value); };
    return "n" + number(id) + " " + std::string(to_string(v.role)) + (v.leads ? " leads" : "") +
           " term=" + number(v.term) + " vote=" + (v.vote ? "n" + number(v.vote) : "none") +
           " stored=" + number(v.stored.term) + " fence=" + number(v.fence) +
           " open=" + number(v.open) + " log=[" + log + "] durable=" + number(v.durable) +
           " commit=" + number(v.commit);
}

void Stage::check() {
    for (const auto& [id, node] : nodes_) {
        const NodeView now = view(id);
        Broken broken = check_state(now);
        if (const auto before = before_.find(id); !broken && before != before_.end())
            broken = check_step(before->second, now);
        if (!broken) broken = rules_.observe(now);
        CHECK(!broken, *broken);
        before_[id] = now;
    }
}

}  // namespace raftbus::testing
