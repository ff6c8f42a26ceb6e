// The gateway among replicators that lose, refuse, forget and change terms as Raft lets them.
// However that goes: each request gets exactly one answer, no write is executed twice, what was
// acknowledged was executed under that revision, what was answered "no" never was, and no
// linearizable read is older than what had been committed when it was asked.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "actors/gateway.hpp"
#include "storage/command.hpp"
#include "tests/testing/gateway_scene.hpp"

namespace raftbus {
namespace {

using namespace testing;

class World {
public:
    explicit World(std::uint64_t seed) : rng_(seed) {}

    void run(int steps) {
        for (int i = 0; i < steps; ++i) step();
        heal();
    }
    void check() const;

    GatewayScene node{{.requests_max = 200, .requests_per_client_max = 150, .batch_bytes_max = 60}};

private:
    struct Asked {
        std::string op;
        LogIndex committed;  // when it was asked
        Json reply;          // null: none yet
    };

    std::uint64_t random(std::uint64_t bound) { return rng_() % bound; }
    bool chance(std::uint64_t percent) { return random(100) < percent; }
    LogIndex committed_index() const {
        return committed_ == 0 ? LogIndex() : log_[committed_ - 1].header.last();
    }
    LogIndex applied_index() const {
        return applied_ == 0 ? LogIndex() : log_[applied_ - 1].header.last();
    }

    void step();
    void ask();
    void heal();
    void collect();
    void change_term();
    void append(BatchKind kind, const Propose& propose);
    void link_breaks(std::uint32_t at);
    void apply();
    void answer_reads();
    void replicator_takes(std::uint32_t at, const AnyMessage& message);
    void refuse(std::uint32_t at, const AnyMessage& message, Refusal why);
    void deliver_to_gateway(const Address& from);
    void say(Address from, AnyMessage message) { to_gateway_[from].push_back(std::move(message)); }

    std::mt19937_64 rng_;
    bool healed_ = false;
    Term term_{1};
    std::uint32_t leader_ = 1;
    std::vector<Batch> log_;
    // What each node answered to each proposal, the first time; none: it appended it.
    std::map<std::pair<std::uint32_t, ProposalNumber>, std::optional<Refusal>> answered_;
    std::size_t committed_ = 0;       // batches
    std::size_t applied_ = 0;         // batches, on the gateway's node
    std::vector<ReadState> reads_;
    std::map<Address, std::deque<AnyMessage>> to_gateway_;
    std::map<std::uint32_t, std::deque<AnyMessage>> to_replicator_;
    std::map<int, Asked> asked_;
};

void World::step() {
    switch (random(10)) {
        case 0:
        case 1:
            return ask();
        case 2:
        case 3: {
            const auto at = 1 + static_cast<std::uint32_t>(random(3));
            if (to_replicator_[at].empty()) return;
            const AnyMessage message = std::move(to_replicator_[at].front());
            to_replicator_[at].pop_front();
            return replicator_takes(at, message);
        }
        case 4:
        case 5:
        case 6: {
            if (to_gateway_.empty()) return;
            auto from = std::next(to_gateway_.begin(),
                                  static_cast<std::ptrdiff_t>(random(to_gateway_.size())));
            return deliver_to_gateway(from->first);
        }
        case 7:
            committed_ = log_.size();
            return apply();
        case 8:
            if (chance(10)) change_term();
            if (chance(10)) link_breaks(2);
            if (chance(10)) link_breaks(3);
            return;
        case 9:
            node.pass(std::chrono::milliseconds(random(8)));
            return collect();
    }
}

void World::ask() {
    std::vector<Json> requests;
    for (std::uint64_t i = 0, n = 1 + random(6); i < n; ++i) {
        const int id = static_cast<int>(asked_.size()) + 1;
        const std::string key = "k" + std::to_string(id);
        constexpr const char* ops[] = {"SET", "SET", "SET", "DELETE", "GET", "GET", "HEARTBEAT"};
        const std::string op = ops[random(std::size(ops))];
        Json request = {{"op", op}, {"id", id}, {"key", key}, {"timeout_ms", 1 + random(150)}};
        if (op == "SET") request["value"] = "v";
        requests.push_back(std::move(request));
        asked_[id] = {op, committed_index(), nullptr};
    }
    node.ask_all(requests);
    collect();
}

// Sorts what the gateway has sent.
void World::collect() {
    for (const auto& [route, reply] : node.take_replies()) {
        Asked& asked = asked_.at(reply.at("id"));
        EXPECT_TRUE(asked.reply.is_null()) << "answered twice: " << reply;
        asked.reply = reply;
    }
    for (Sent& sent : std::exchange(node.context.sent, {})) {
        if (std::holds_alternative<Introduction>(sent.message)) continue;
        if (auto* read = std::get_if<ReadState>(&sent.message))
            reads_.push_back(std::move(*read));
        else
            to_replicator_[sent.to.node.value].push_back(std::move(sent.message));
    }
    answer_reads();
}

void World::replicator_takes(std::uint32_t at, const AnyMessage& message) {
    const bool remote = at != 1;
    if (!healed_ && remote && chance(10)) return;  // lost on the way
    std::optional<Refusal> why;
    if (!healed_ && chance(2)) why = Refusal::busy;
    if (!healed_ && chance(5)) why = Refusal::transferring;
    if (at != leader_) why = Refusal::not_leader;
    if (const auto* propose = std::get_if<Propose>(&message)) {
        if (propose->term != term_) why = Refusal::not_leader;
        const auto [answer, fresh] = answered_.try_emplace({at, propose->proposal}, why);
        if (answer->second) return refuse(at, message, *answer->second);
        if (fresh) append(BatchKind::commands, *propose);
    } else if (why) {
        refuse(at, message, *why);
    } else {
        const ReadNumber read = std::get<ReadIndex>(message).read;
        say({NodeId(at), ActorName::replicator}, ReadIndexReply{read, committed_index(), term_, 1});
    }
}

void World::refuse(std::uint32_t at, const AnyMessage& message, Refusal why) {
    const Address from{NodeId(at), ActorName::replicator};
    if (const auto* propose = std::get_if<Propose>(&message))
        say(from, ProposeRefused{propose->proposal, why});
    else
        say(from, ReadRefused{std::get<ReadIndex>(message).read, why});
}

void World::append(BatchKind kind, const Propose& propose) {
    Batch batch{{.kind = kind,
                 .first = log_.empty() ? LogIndex(1) : log_.back().header.end(),
                 .count = propose.count,
                 .term = term_,
                 .leader = NodeId(leader_),
                 .origin = NodeId(1),
                 .proposal = propose.proposal,
                 .body_crc = propose.body_crc},
                propose.body};
    EXPECT_TRUE(intact(batch));
    log_.push_back(std::move(batch));
}

// A new leader's log holds all that is committed and some of the rest; it begins with a no-op.
void World::change_term() {
    log_.resize(committed_ + random(log_.size() - committed_ + 1));
    term_ = Term(term_.value + 1 + random(2));
    leader_ = 1 + static_cast<std::uint32_t>(random(3));
    append(BatchKind::no_op, {.count = 1});
    const Address election{NodeId(1), ActorName::election};
    if (chance(50)) say(election, LeaderChanged{term_, NodeId()});
    say(election, LeaderChanged{term_, NodeId(leader_)});
}

// What was on its way is lost in part; the rest arrives late, behind what the new connection
// brings.
void World::link_breaks(std::uint32_t at) {
    std::deque<AnyMessage> late;
    for (AnyMessage& message : std::exchange(to_replicator_[at], {}))
        if (chance(50)) late.push_back(std::move(message));
    const Address bus{NodeId(1), ActorName::bus};
    node.deliver(PeerLost{NodeId(at)}, bus);
    node.deliver(PeerUp{NodeId(at)}, bus);
    collect();
    for (AnyMessage& message : late) to_replicator_[at].push_back(std::move(message));
}

// The gateway's node applies some of what is committed.
void World::apply() {
    const std::size_t to = healed_ ? committed_ : applied_ + random(committed_ - applied_ + 1);
    if (to == applied_) return;
    OutcomesReady ready;
    for (; applied_ < to; ++applied_) {
        const BatchHeader& header = log_[applied_].header;
        ready.index = header.last();
        ready.term = header.term;
        if (header.kind == BatchKind::commands)
            ready.batches.push_back(written(header.proposal, header.first.value, header.count));
    }
    say({NodeId(1), ActorName::state_machine}, std::move(ready));
    answer_reads();
}

void World::answer_reads() {
    std::vector<ReadState> later;
    for (ReadState& read : reads_) {
        if (read.at > applied_index()) {
            later.push_back(std::move(read));
            continue;
        }
        // Every key's value was written by the last entry that is applied.
        StateRead answer{read.read, applied_index(), {}};
        for (std::size_t i = 0; i < read.queries.size(); ++i)
            answer.answers.push_back(GetAnswer{Item{{}, {}, applied_index().value}});
        say({NodeId(1), ActorName::state_machine}, std::move(answer));
    }
    reads_ = std::move(later);
}

void World::deliver_to_gateway(const Address& from) {
    std::deque<AnyMessage>& queue = to_gateway_.at(from);
    for (std::uint64_t n = 1 + random(3); n > 0 && !queue.empty(); --n) {
        const AnyMessage message = std::move(queue.front());
        queue.pop_front();
        node.hand(message, from);
    }
    if (queue.empty()) to_gateway_.erase(from);
    node.gateway.on_drained();
    collect();
}

// From now on nothing is lost or refused without reason; runs until every deadline has passed.
void World::heal() {
    healed_ = true;
    change_term();
    for (int i = 0; i < 300; ++i) {
        while (!to_gateway_.empty()) deliver_to_gateway(to_gateway_.begin()->first);
        for (auto& [at, queue] : to_replicator_) {
            for (const AnyMessage& message : std::exchange(queue, {}))
                replicator_takes(at, message);
        }
        committed_ = log_.size();
        apply();
        node.pass(1ms);
        collect();
    }
}

void World::check() const {
    std::map<std::string, std::uint64_t> executed;  // key to revision
    for (const Batch& batch : log_) {
        std::uint64_t revision = batch.header.first.value;
        for (CommandReader commands(batch.body.view()); !commands.done(); ++revision) {
            const std::string key(commands.next()->key);
            EXPECT_TRUE(executed.emplace(key, revision).second) << key << " executed twice";
        }
    }
    EXPECT_EQ(node.gateway.in_flight().size(), 0u);
    EXPECT_EQ(node.gateway.in_flight().bytes(), 0u);
    EXPECT_EQ(node.gateway.in_flight().clients(), 0u);
    for (const auto& [id, asked] : asked_) {
        ASSERT_FALSE(asked.reply.is_null()) << id << " was never answered";
        const Json& reply = asked.reply;
        if (asked.op == "GET" && reply.at("ok")) {
            EXPECT_GE(reply.at("revision").get<std::uint64_t>(), asked.committed.value);
        }
        if (asked.op != "SET" && asked.op != "DELETE") continue;
        const auto found = executed.find("k" + std::to_string(id));
        if (reply.at("ok")) {
            ASSERT_NE(found, executed.end()) << reply;
            EXPECT_EQ(reply.at("revision"), found->second);
        } else if (reply.at("executed") == "no") {
            EXPECT_EQ(found, executed.end()) << reply << " but it was executed";
        }
    }
}

TEST(GatewayRandom, EachRequestHasExactlyOneTrueAnswer) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        world.run(1000);
        world.check();
        if (HasFailure()) break;
    }
}

}  // namespace
}  // namespace raftbus
