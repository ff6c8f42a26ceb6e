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

std::vector<std::string> names_of_keys(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t k = 0; k < count; ++k) names.push_back("k" + std::to_string(k));
    return names;
}

// A transaction is judged as the conditional set that it is.
ReplyFields as_set(ReplyFields reply) {
    if (!reply.ok || reply.succeeded) return reply;
    const ReplyFields stands = reply.results.empty() ? ReplyFields() : reply.results.front();
    reply.ok = false;
    reply.error = "CONDITION_FAILED";
    reply.found = stands.found;
    reply.revision = stands.revision;
    return reply;
}

}  // namespace

Workload::Workload(Cluster& cluster, const WorkloadOptions& options)
    : cluster_(cluster),
      options_(options),
      keys_(names_of_keys(options.keys)),
      timed_(options.fastest_clock),
      renewed_(options.fastest_clock),
      watchers_(cluster, options.watchers, options.seed, keys_) {
    for (std::size_t c = 0; c < options.clients; ++c)
        clients_.emplace_back(splitmix(options.seed + c)).repeats = c < options.with_sessions;
    cluster_.listen(this);
}

Workload::~Workload() {
    cluster_.listen(nullptr);
}

void Workload::start() {
    watchers_.start();
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
        if (!u || u->timed) continue;
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
    if (under_way && under_way->attempt == (which & ((1ULL << kIdBits) - 1))) give_up(number);
}

void Workload::begin(std::size_t number) {
    Client& client = clients_[number];
    const bool insists = client.insists.has_value();
    if (client.under_way || (!insists && (stopping_ || client.ends))) return;
    if (!client.node || client.random.below(20) == 0 || insists) client.node = some_node(client, insists);
    if (client.repeats && client.session == 0 && !insists) {
        client.under_way = {++last_id_, AskSession{}, {}, {}, cluster_.now(), {}};
        client.under_way->attempt = last_id_;
        return send(number, options_.timeout_max);
    }
    auto [ask, key] = insists ? *client.insists : think_of(client);
    Reading reading = Reading::linearizable;
    const bool reads = std::holds_alternative<Get>(ask) || std::holds_alternative<ScanAll>(ask);
    if (reads && !insists && client.random.below(8) == 0)
        reading = options_.leases ? Reading::lease : Reading::local;
    client.under_way = {++last_id_, std::move(ask), std::move(key), reading, cluster_.now(), {}};
    client.under_way->attempt = last_id_;
    if (!insists) choose_manner(number, *client.under_way);
    const Duration spread = options_.timeout_max - options_.timeout_min;
    send(number, options_.timeout_min + Duration(client.random.below(spread.count() + 1)));
}

// What has to be answered some day does not go to nodes that have been removed.
NodeId Workload::some_node(Client& client, bool member) const {
    auto node = static_cast<std::uint32_t>(client.random.below(cluster_.size()) + 1);
    while (!cluster_.born(node)) --node;
    const auto known = member ? cluster_.configuration() : std::nullopt;
    if (known && !known->find(NodeId(node)))
        return known->members[client.random.below(known->members.size())].node;
    return NodeId(node);
}

// A write of a client that repeats gets its place in the session; some sets get a time, and then a
// key of their own, or are made as transactions.
void Workload::choose_manner(std::size_t number, UnderWay& u) {
    Client& client = clients_[number];
    const bool writes = std::holds_alternative<Set>(u.ask) ||
                        std::holds_alternative<Erase>(u.ask) ||
                        std::holds_alternative<NoOperation>(u.ask);
    if (writes && client.session != 0) u.manner.session = {client.session, ++client.last_seq};
    if (std::holds_alternative<Set>(u.ask)) {
        const std::uint64_t drawn = client.random.below(8);
        if (options_.times && drawn == 0) {
            const TimedKeys::Plan plan = timed_.make(client.random, cluster_.now());
            u.key = plan.name;
            u.manner.ttl_ms = plan.ttl_ms;
            u.ask = Set{"timed", {}};
            u.timed = true;
        } else if (options_.times && drawn == 4) {
            renew(number, u);
        } else if (options_.transactions && drawn < 4) {
            u.manner.as_transaction = true;
        }
    }
    if (!std::holds_alternative<Get>(u.ask) || u.reading == Reading::local) return;
    const std::uint64_t drawn = client.random.below(8);
    if (options_.transactions && drawn == 0) u.ask = AskPair{};
    std::optional<std::string> timed;
    if (options_.times && drawn > 5) timed = timed_.some(client.random);
    if (options_.times && drawn == 5) timed = renewed_.some(client.random);
    if (!timed) return;
    u.key = *timed;
    u.timed = true;
    if (RenewedKeys::own(u.key)) u.version = renewed_.version(u.key);
}

// The client's own key is set anew, with a time or without, or deleted.
void Workload::renew(std::size_t number, UnderWay& u) {
    Client& client = clients_[number];
    const std::string value = std::get<Set>(u.ask).value;
    const RenewedKeys::Plan plan = renewed_.next(number, client.random, value, cluster_.now());
    u.key = plan.name;
    u.timed = true;
    u.manner.ttl_ms = plan.ttl_ms;
    u.ask = Set{value, {}};
    if (plan.erases)
        u.ask = Erase{};
    else if (options_.transactions)
        u.manner.as_transaction = client.random.below(2) == 0;
}

void Workload::send(std::size_t number, Duration timeout) {
    Client& client = clients_[number];
    const UnderWay& u = *client.under_way;
    ClientFrame frame{
        SharedBytes::own(route_of(number)),
        SharedBytes::own(pack_request(u.attempt, u.ask, u.key, u.reading, timeout, u.manner))};
    const Moment now = cluster_.now();
    if (!chance(client.random, options_.lost))
        cluster_.events().add(now + way(client),
                              [this, node = client.node, frame] { cluster_.request(node, frame); });
    cluster_.events().add(now + timeout + kPatience, *this,
                          static_cast<std::uint32_t>(What::give_up),
                          std::uint64_t(number) << kIdBits | u.attempt);
}

void Workload::on_reply(NodeId, const ClientFrame& frame) {
    const std::string_view route = frame.route.view();
    if (Watchers::own(frame.route)) return watchers_.on_reply(frame);
    if (!route.starts_with("client-")) throw RuleBroken("a reply to a client that does not exist");
    const std::size_t number = std::stoul(std::string(route.substr(7)));
    Client& client = clients_.at(number);
    auto reply = unpack_reply(frame.body->view());
    if (!reply) throw RuleBroken("a reply that is not one");
    if (chance(client.random, options_.lost)) return;
    cluster_.events().add(cluster_.now() + way(client), [this, number, reply = *reply] {
        const auto& under_way = clients_[number].under_way;
        if (under_way && under_way->attempt == reply.id) receive(number, reply);
    });
}

void Workload::receive(std::size_t number, const ReplyFields& answer) {
    Client& client = clients_[number];
    const bool as_transaction = client.under_way->manner.as_transaction;
    if (as_transaction || std::holds_alternative<AskPair>(client.under_way->ask))
        check_pair(answer);
    const ReplyFields reply = as_transaction ? as_set(answer) : answer;
    const bool answers = reply.ok || reply.error == "CONDITION_FAILED";
    const bool gone = reply.error == "SESSION_EXPIRED";
    if (reply.error == "TIMEOUT") return give_up(number);
    // A node need not be one that may lead.
    const bool no_candidate =
        reply.error == "BAD_REQUEST" && std::holds_alternative<AskElection>(client.under_way->ask);
    if (!answers && !gone && !no_candidate && reply.error != "NO_LEADER" && reply.error != "BUSY" &&
        reply.error != "NO_SPACE" && reply.error != "UNSUPPORTED")
        throw RuleBroken("a good request is refused: " + reply.error + " " + reply.message);
    if (gone) client.session = 0;
    // What an earlier attempt did, this refusal does not tell.
    if (!answers && client.under_way->doubtful) {
        if (!gone) return repeat(number);
        client.under_way->manner.session.reset();
        return give_up(number);
    }
    const UnderWay done = std::move(*client.under_way);
    client.under_way.reset();
    if (answers) {
        ++answered_;
        client.insists.reset();
        record(number, done, reply);
        return later(number, options_.think_max);
    }
    ++refused_;
    if (done.writes_renewed()) renewed_.refused(done.key);
    client.node = {};
    later(number, Duration(100'000));
}

// What was written together is read together; and a transaction reads what it has just written.
void Workload::check_pair(const ReplyFields& reply) {
    if (!reply.ok) return;
    const std::vector<ReplyFields>& results = reply.results;
    const std::size_t count = results.size();
    if (count < 2) return;  // the other branch
    const ReplyFields &a = results[count - 2], &b = results[count - 1];
    if (a.found != b.found || a.value != b.value || a.revision != b.revision)
        throw RuleBroken("a transaction is seen in part");
    if (count > 2 && (results[1].value != a.value || results[1].revision != reply.revision ||
                      a.revision != reply.revision))
        throw RuleBroken("a transaction does not see what it has done");
}

// The same write, under the same number, at another node.
void Workload::repeat(std::size_t number) {
    Client& client = clients_[number];
    UnderWay& u = *client.under_way;
    ++repeated_;
    u.doubtful = true;
    u.attempt = ++last_id_;
    client.node = some_node(client, true);
    const Duration spread = options_.timeout_max - options_.timeout_min;
    send(number, options_.timeout_min + Duration(client.random.below(spread.count() + 1)));
}

void Workload::give_up(std::size_t number) {
    Client& client = clients_[number];
    if (client.under_way->manner.session) return repeat(number);
    ++unknown_;
    const UnderWay& u = *client.under_way;
    if (u.writes_renewed()) {
        renewed_.lost(u.key);
    } else if (u.timed) {
        // Nothing is known of it.
    } else if (auto* set = std::get_if<Set>(&u.ask)) {
        record_as(number, u, u.key, *set, Unknown{});
    } else if (auto* erase = std::get_if<Erase>(&u.ask)) {
        record_as(number, u, u.key, *erase, Unknown{});
    }
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

void Workload::record_timed(const UnderWay& u, const ReplyFields& reply) {
    if (std::holds_alternative<Set>(u.ask) && !u.writes_renewed())
        return timed_.acknowledged(u.key);
    if (const auto wrong = what_is_wrong(u, reply)) throw RuleBroken("a key with a time " + *wrong);
}

std::optional<std::string> Workload::what_is_wrong(const UnderWay& u, const ReplyFields& reply) {
    const Moment now = cluster_.now();
    if (u.writes_renewed()) return renewed_.answered(u.key, reply.found, now);
    if (!RenewedKeys::own(u.key)) return timed_.read(u.key, reply.found, u.begin, now);
    const auto value = reply.found ? std::optional(reply.value) : std::nullopt;
    return renewed_.read(u.key, u.version, value, u.begin, now);
}

void Workload::record(std::size_t number, const UnderWay& u, const ReplyFields& reply) {
    Client& client = clients_[number];
    const auto write_outcome = [&]() -> Outcome {
        if (!reply.ok) return ConditionFailed{reply.found, reply.revision};
        return Written{reply.revision, reply.found};
    };
    if (std::holds_alternative<AskSession>(u.ask)) {
        client.session = reply.session;
        client.last_seq = 0;
    } else if (u.timed) {
        record_timed(u, reply);
    } else if (auto* set = std::get_if<Set>(&u.ask)) {
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
