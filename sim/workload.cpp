#include "sim/workload.hpp"

namespace raftbus::sim {
namespace {

constexpr Duration kPatience{50'000};  // beyond a request's timeout, until a client gives up
constexpr std::uint64_t kIdBits = 40;  // events name a client and one of its operations

// Among a hundred operations, about so many.
enum Share : std::uint64_t {
    kGets = 38,
    kScans = kGets + 4,
    kErases = kScans + 6,
    kNoOps = kErases + 2,
    kStatus = kNoOps + 1,
    kLogs = kStatus + 1,
    kHeartbeats = kLogs + 1,
    kElections = kHeartbeats + 1,
};

std::string route_of(std::size_t client) {
    return "client-" + std::to_string(client);
}

}  // namespace

Workload::Workload(Cluster& cluster, const WorkloadOptions& options)
    : cluster_(cluster), options_(options) {
    for (std::size_t k = 0; k < options.keys; ++k) keys_.push_back("k" + std::to_string(k));
    for (std::size_t c = 0; c < options.clients; ++c)
        clients_.emplace_back(splitmix(options.seed + c));
    cluster_.listen(this);
}

Workload::~Workload() {
    cluster_.listen(nullptr);
}

void Workload::start() {
    for (std::size_t c = 0; c < clients_.size(); ++c) later(c, options_.think_max);
}

bool Workload::idle() const {
    return std::none_of(clients_.begin(), clients_.end(),
                        [](const Client& c) { return c.under_way || c.insists; });
}

std::uint32_t Workload::add(Ask ask, std::string key) {
    Client& client = clients_.emplace_back(splitmix(options_.seed + clients_.size()));
    client.insists = {std::move(ask), std::move(key)};
    client.ends = true;
    later(clients_.size() - 1, Duration(1000));
    return static_cast<std::uint32_t>(clients_.size());
}

History Workload::history() const {
    History all = history_;
    for (std::size_t c = 0; c < clients_.size(); ++c) {
        const auto& u = clients_[c].under_way;
        if (!u) continue;
        const auto id = u->id;
        const auto number = static_cast<std::uint32_t>(c + 1);
        if (auto* set = std::get_if<Set>(&u->ask))
            all.push_back({id, number, u->begin, Moment::max(), u->key, *set, Unknown{}});
        else if (auto* erase = std::get_if<Erase>(&u->ask))
            all.push_back({id, number, u->begin, Moment::max(), u->key, *erase, Unknown{}});
    }
    const Duration beginning = Schedule::kBeginning.time_since_epoch();
    for (Operation& operation : all) {
        operation.begin -= beginning;
        if (!operation.is_unknown()) operation.end -= beginning;
    }
    return all;
}

// ---- one operation after the other

void Workload::later(std::size_t client, Duration wait_max) {
    const Duration wait(clients_[client].random.below(wait_max.count() + 1));
    cluster_.events().add(cluster_.now() + wait, *this, static_cast<std::uint32_t>(What::next),
                          client);
}

void Workload::happen(std::uint32_t what, std::uint64_t which) {
    if (static_cast<What>(what) == What::next) return begin(which);
    const std::size_t number = which >> kIdBits;
    const auto& under_way = clients_[number].under_way;
    if (under_way && under_way->id == (which & ((1ULL << kIdBits) - 1))) give_up(number);
}

void Workload::begin(std::size_t number) {
    Client& client = clients_[number];
    const bool insists = client.insists.has_value();
    if (client.under_way || (!insists && (stopping_ || client.ends))) return;
    if (!client.node || client.random.below(20) == 0 || insists) client.node = some_node(client);
    auto [ask, key] = insists ? *client.insists : think_of(client);
    Reading reading = Reading::linearizable;
    const bool reads = std::holds_alternative<Get>(ask) || std::holds_alternative<ScanAll>(ask);
    if (reads && !insists && client.random.below(8) == 0)
        reading = options_.leases ? Reading::lease : Reading::local;
    client.under_way = {++last_id_, std::move(ask), std::move(key), reading, cluster_.now()};
    const Duration spread = options_.timeout_max - options_.timeout_min;
    send(number, options_.timeout_min + Duration(client.random.below(spread.count() + 1)));
}

NodeId Workload::some_node(Client& client) const {
    auto node = static_cast<std::uint32_t>(client.random.below(cluster_.size()) + 1);
    while (!cluster_.born(node)) --node;
    // Who insists does not go to nodes that have been removed.
    const auto known = client.insists ? cluster_.configuration() : std::nullopt;
    if (known && !known->find(NodeId(node)))
        return known->members[client.random.below(known->members.size())].node;
    return NodeId(node);
}

void Workload::send(std::size_t number, Duration timeout) {
    Client& client = clients_[number];
    const UnderWay& u = *client.under_way;
    ClientFrame frame{SharedBytes::own(route_of(number)),
                      SharedBytes::own(pack_request(u.id, u.ask, u.key, u.reading, timeout))};
    const Moment now = cluster_.now();
    if (!chance(client.random, options_.lost))
        cluster_.events().add(now + way(client),
                              [this, node = client.node, frame] { cluster_.request(node, frame); });
    cluster_.events().add(now + timeout + kPatience, *this,
                          static_cast<std::uint32_t>(What::give_up),
                          std::uint64_t(number) << kIdBits | u.id);
}

void Workload::on_reply(NodeId, const ClientFrame& frame) {
    const std::string_view route = frame.route.view();
    if (!route.starts_with("client-")) throw RuleBroken("a reply to a client that does not exist");
    const std::size_t number = std::stoul(std::string(route.substr(7)));
    Client& client = clients_.at(number);
    const auto reply = unpack_reply(frame.body->view());
    if (!reply) throw RuleBroken("a reply that is not one");
    if (chance(client.random, options_.lost)) return;
    cluster_.events().add(cluster_.now() + way(client), [this, number, reply = *reply] {
        const auto& under_way = clients_[number].under_way;
        if (under_way && under_way->id == reply.id) receive(number, reply);
    });
}

void Workload::receive(std::size_t number, const ReplyFields& reply) {
    Client& client = clients_[number];
    const bool answers = reply.ok || reply.error == "CONDITION_FAILED";
    if (reply.error == "TIMEOUT") return give_up(number);
    // A node need not be one that may lead.
    const bool no_candidate =
        reply.error == "BAD_REQUEST" && std::holds_alternative<AskElection>(client.under_way->ask);
    if (!answers && !no_candidate && reply.error != "NO_LEADER" && reply.error != "BUSY" &&
        reply.error != "NO_SPACE" && reply.error != "UNSUPPORTED")
        throw RuleBroken("a good request is refused: " + reply.error + " " + reply.message);
    const UnderWay done = std::move(*client.under_way);
    client.under_way.reset();
    if (answers) {
        ++answered_;
        client.insists.reset();
        record(number, done, reply);
        return later(number, options_.think_max);
    }
    ++refused_;
    client.node = {};
    later(number, Duration(100'000));
}

void Workload::give_up(std::size_t number) {
    Client& client = clients_[number];
    ++unknown_;
    const UnderWay& u = *client.under_way;
    if (auto* set = std::get_if<Set>(&u.ask))
        record_as(number, u, u.key, *set, Unknown{});
    else if (auto* erase = std::get_if<Erase>(&u.ask))
        record_as(number, u, u.key, *erase, Unknown{});
    client.under_way.reset();
    client.node = {};
    later(number, Duration(100'000));
}

// ---- what clients think of

std::pair<Ask, std::string> Workload::think_of(Client& client) {
    std::string key = keys_[client.random.below(keys_.size())];
    const std::uint64_t drawn = client.random.below(100);
    if (drawn < kGets) return {Get{}, std::move(key)};
    if (drawn < kScans) return {ScanAll{}, {}};
    if (drawn < kErases) {
        Condition condition = think_of_condition(client, key);
        return {Erase{std::move(condition)}, std::move(key)};
    }
    if (drawn < kNoOps) return {NoOperation{}, {}};
    if (drawn < kStatus) return {AskStatus{}, {}};
    if (drawn < kLogs) return {AskLog{}, {}};
    if (drawn < kHeartbeats) return {AskHeartbeat{}, {}};
    if (drawn < kElections && options_.elections) return {AskElection{client.node}, {}};
    Condition condition = think_of_condition(client, key);
    return {Set{think_of_value(client), std::move(condition)}, std::move(key)};
}

// Mostly none; otherwise what the client last saw of the key, or its absence.
Condition Workload::think_of_condition(Client& client, const std::string& key) {
    Condition condition;
    const std::uint64_t drawn = client.random.below(12);
    const auto seen = client.seen.find(key);
    if (drawn == 0) condition.if_revision = 0;
    if (drawn == 1 && seen != client.seen.end()) condition.if_revision = seen->second.revision;
    if (drawn == 2 && seen != client.seen.end()) condition.if_value = seen->second.value;
    return condition;
}

// No two are equal.
std::string Workload::think_of_value(Client& client) {
    std::string value = "w" + std::to_string(last_id_ + 1) + ".";
    const std::size_t max =
        client.random.below(50) == 0 ? options_.value_bytes_large : options_.value_bytes_max;
    value.append(client.random.below(max + 1), 'x');
    return value;
}

// ---- what they remember

void Workload::record_as(std::size_t client, const UnderWay& u, const std::string& key,
                         Request request, Outcome outcome) {
    const bool unknown = std::holds_alternative<Unknown>(outcome);
    history_.push_back({u.id, static_cast<std::uint32_t>(client + 1), u.begin,
                        unknown ? Moment::max() : cluster_.now(), key, std::move(request),
                        std::move(outcome)});
}

void Workload::record(std::size_t number, const UnderWay& u, const ReplyFields& reply) {
    Client& client = clients_[number];
    const auto write_outcome = [&]() -> Outcome {
        if (!reply.ok) return ConditionFailed{reply.found, reply.revision};
        return Written{reply.revision, reply.found};
    };
    if (auto* set = std::get_if<Set>(&u.ask)) {
        record_as(number, u, u.key, *set, write_outcome());
        if (reply.ok) client.seen[u.key] = {set->value, reply.revision};
    } else if (auto* erase = std::get_if<Erase>(&u.ask)) {
        record_as(number, u, u.key, *erase, write_outcome());
    } else if (u.reading == Reading::local) {
        return;
    } else if (std::holds_alternative<Get>(u.ask)) {
        if (reply.found) client.seen[u.key] = {reply.value, reply.revision};
        record_as(number, u, u.key, Get{},
                  reply.found ? Outcome(Found{reply.value, reply.revision}) : Outcome(Absent{}));
    } else if (std::holds_alternative<ScanAll>(u.ask)) {
        for (const std::string& key : keys_) {
            const auto item = std::find_if(reply.items.begin(), reply.items.end(),
                                           [&](const ReplyItem& i) { return i.key == key; });
            record_as(number, u, key, Get{},
                      item == reply.items.end() ? Outcome(Absent{})
                                                : Outcome(Found{item->value, item->revision}));
        }
    }
}

}  // namespace raftbus::sim
