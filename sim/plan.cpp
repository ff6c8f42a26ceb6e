#include "sim/plan.hpp"

#include <algorithm>
#include <array>

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, kFaults> kNames{
    "delay",      "loss",  "duplicate", "reorder",   "cut",   "partition",  "clog",
    "disconnect", "crash", "power",     "slow-disk", "hang",  "sync-error", "full-disk",
    "rot",        "clock", "jump",      "pause",     "elect", "stop",       "membership",
    "repair",     "chase"};

constexpr auto kFirstStrike = static_cast<std::size_t>(Fault::cut);
// Changes of the membership, and what follows them, take the place of other strikes, so that plans
// without them are what they would be if there were no such fault.
constexpr auto kStrikes = static_cast<std::size_t>(Fault::membership) - kFirstStrike;
constexpr std::size_t kSpares = 4;

Random stream(std::uint64_t seed, std::uint64_t number) {
    return Random(splitmix(seed) + number);
}

Duration between(Random& random, Duration min, Duration max) {
    return min + Duration(random.below((max - min).count() + 1));
}

// Mostly short, sometimes long: evenly in the number of digits.
Duration spread(Random& random, Duration min, Duration max) {
    Duration limit = min;
    while (limit < max && random.below(2) == 0) limit *= 3;
    return between(random, min, std::min(limit, max));
}

std::uint32_t rate(Random& random, std::uint32_t max_in_a_million) {
    return static_cast<std::uint32_t>(random.below(random.below(max_in_a_million) + 1));
}

template <class T, std::size_t N>
T one_of(Random& random, const std::array<T, N>& values) {
    return values[random.below(N)];
}

// Which faults occur at all.
Faults draw_faults(const RunOptions& options) {
    Random random = stream(options.seed, 1);
    const std::uint64_t share = 1 + random.below(8);  // in eighths
    Faults drawn;
    for (std::size_t f = 0; f < kFaults; ++f) drawn[f] = random.below(8) < share;
    Faults faults = options.faults.value_or(drawn) & ~options.without;
    // A node whose disk rots does not come back: with nodes that leave, too few might be left.
    if (has(faults, Fault::membership)) faults[static_cast<std::size_t>(Fault::rot)] = false;
    // For one that is rebuilt the others have to be a majority.
    if (has(faults, Fault::rot)) faults[static_cast<std::size_t>(Fault::repair)] = false;
    return faults;
}

Weather draw_weather(std::uint64_t seed, const Faults& faults) {
    Random random = stream(seed, 2);
    Weather weather;
    weather.delay_max = weather.delay_min + spread(random, 100us, 20ms);
    weather.slow_max = spread(random, 10ms, 3s);
    const std::uint32_t slow = rate(random, 50'000), lost = rate(random, 200'000),
                        doubled = rate(random, 100'000), overtaken = rate(random, 100'000);
    if (has(faults, Fault::delay)) weather.slow = slow;
    if (has(faults, Fault::loss)) weather.lost = lost;
    if (has(faults, Fault::duplicate)) weather.doubled = doubled;
    if (has(faults, Fault::reorder)) weather.overtaken = overtaken;
    weather.silence_max = one_of(random, std::array<Duration, 3>{1250ms, 5s, 0s});
    return weather;
}

Pace draw_pace(std::uint64_t seed) {
    Random random = stream(seed, 3);
    Pace pace;
    pace.neighbour_max = spread(random, 10us, 20ms);
    pace.burst_max = spread(random, 10us, 10ms);
    pace.timer_max = spread(random, 100us, 20ms);
    pace.job_max = spread(random, 1ms, 500ms);
    return pace;
}

// Small limits bring rare branches about: segments that end, logs that are read back, refusals.
NodeOptions draw_node(std::uint64_t seed) {
    Random random = stream(seed, 4);
    NodeOptions node;
    node.segment_bytes = 1'024 << random.below(7);
    node.state.replay_bytes = 2'000 << random.below(6);
    RaftOptions& raft = node.raft;
    raft.heartbeat = between(random, 40ms, 100ms);
    raft.election_timeout_min = raft.heartbeat * 3 + between(random, 50ms, 300ms);
    raft.election_timeout_max = raft.election_timeout_min + between(random, 50ms, 500ms);
    raft.storage_stall = between(random, 300ms, 2s);
    if (random.below(3) == 0) raft.append_bytes_max = 1 + random.below(2'000);
    if (random.below(3) == 0) raft.in_flight_bytes_max = 1 + random.below(4'000);
    if (random.below(3) == 0) raft.catch_up_bytes_max = 1 + random.below(2'000);
    if (random.below(2) == 0) raft.tail_bytes_max = random.below(4'000);
    if (random.below(4) == 0) raft.uncommitted_bytes_max = 200 + random.below(4'000);
    if (random.below(3) == 0) raft.apply_bytes_max = 1 + random.below(2'000);
    const std::uint64_t style = random.below(4);
    raft.fast_failover = style != 0;
    // Within the drift that clocks get in such a run.
    if (style == 1) {
        raft.fast_failover = false;
        raft.lease = raft.election_timeout_min * 65 / 100;
    }
    node.gateway.leases = raft.lease.has_value();
    node.keep_bytes = 1'024 << random.below(9);
    if (random.below(2) == 0) node.state.replay_entries = 5 + random.below(100);
    node.keep_entries = 1 + random.below(random.below(3) == 0 ? 20 : 2'000);
    raft.snapshot_piece_bytes = 4'000 << random.below(4);
    raft.snapshot_in_flight_max = 1 + random.below(5);
    raft.snapshot_bytes_per_second = 40'000 << random.below(6);
    node.gateway.session_life_ms =
        one_of(random, std::array<std::uint64_t, 4>{kSessionLifeMs, kSessionLifeMs, 1'000, 5'000});
    return node;
}

// And those of what few clients ever reach: the past in pieces, queues of slow readers, what is
// remembered of commands and of sessions.
void draw_small_limits(std::uint64_t seed, NodeOptions& node) {
    Random random = stream(seed, 10);
    StreamLimits& streams = node.gateway.streams;
    if (random.below(2) == 0) node.past_piece_bytes = 1 + random.below(1'000);
    if (random.below(3) == 0) streams.client_messages_max = 1 + random.below(8);
    if (random.below(4) == 0) streams.client_bytes_max = 1 + random.below(2'000);
    if (random.below(6) == 0) streams.bytes_max = 1 + random.below(4'000);
    if (random.below(2) == 0) node.state.footnotes.page_bytes = 1 + random.below(60);
    if (random.below(6) == 0) node.state.footnotes.bytes_max = 20 + random.below(400);
    if (random.below(3) == 0) node.state.sessions.numbers_max = 1 + random.below(4);
    if (random.below(6) == 0) node.state.sessions.outcome_bytes_max = 1 + random.below(200);
    if (random.below(6) == 0) node.state.sessions.sessions_max = 1 + random.below(4);
}

WorkloadOptions draw_workload(const RunOptions& options, const Plan& plan) {
    Random random = stream(options.seed, 5);
    WorkloadOptions load;
    load.seed = random.next();
    load.clients = 2 + random.below(5);
    if (options.clients) load.clients = *options.clients;
    load.keys = 2 + random.below(8);
    load.think_max = spread(random, 200ms, 2s);
    load.timeout_min = between(random, 100ms, 500ms);
    load.timeout_max = load.timeout_min + between(random, 100ms, 3s);
    load.value_bytes_max = one_of(random, std::array<std::size_t, 4>{16, 64, 64, 500});
    load.way_max = spread(random, 200us, 20ms);
    load.lost = has(plan.faults, Fault::loss) ? rate(random, 50'000) : 0;
    load.leases = plan.node.raft.lease.has_value();
    load.elections = has(plan.faults, Fault::elect);
    load.with_sessions = random.below(load.clients + 1);
    load.transactions = random.below(2) == 0;
    load.times = random.below(2) == 0;
    load.fastest_clock = *std::max_element(plan.clock_rates.begin(), plan.clock_rates.end());
    load.fastest_clock = std::max(load.fastest_clock, NodeClock::kTrueRate);
    load.watchers = stream(options.seed, 8).below(4);
    if (load.clients == 0) load.watchers = 0;
    return load;
}

std::vector<std::int64_t> draw_clocks(const RunOptions& options, const Plan& plan) {
    Random random = stream(options.seed, 6);
    // With leases within the drift that they allow for; often at its ends.
    const std::int64_t slowest = plan.node.raft.lease ? 800'000 : 500'000;
    const std::int64_t fastest = plan.node.raft.lease ? 1'200'000 : 2'000'000;
    std::vector<std::int64_t> rates;
    for (std::size_t n = 0; n < plan.nodes + plan.spares; ++n) {
        const auto between = static_cast<std::int64_t>(random.below(fastest - slowest));
        const auto rate = one_of(random, std::array{slowest, slowest + between, fastest});
        rates.push_back(has(plan.faults, Fault::clock) ? rate : NodeClock::kTrueRate);
    }
    return rates;
}

std::vector<Strike> draw_strikes(const RunOptions& options, const Faults& faults) {
    Random random = stream(options.seed, 7);
    const Duration gap = spread(random, 300ms, 10s);
    std::vector<Strike> strikes;
    Duration at = between(random, 0ms, gap);
    for (std::size_t number = 0; at < options.duration; ++number) {
        Random own = stream(options.seed, 1'000 + number);
        Strike strike{.number = number, .at = at};
        strike.fault = static_cast<Fault>(kFirstStrike + own.below(kStrikes));
        strike.lasts = spread(own, 20ms, 8s);
        strike.seed = own.next();
        const bool changes = stream(options.seed, 1'000'000 + number).below(4) == 0;
        if (changes && has(faults, Fault::membership)) strike.fault = Fault::membership;
        const std::uint64_t rare = stream(options.seed, 2'000'000 + number).below(16);
        if (rare < 2 && has(faults, Fault::repair)) strike.fault = Fault::repair;
        if (rare == 2 && has(faults, Fault::chase)) strike.fault = Fault::chase;
        at += between(own, gap / 10, gap * 2);
        const auto& wanted = options.strikes;
        const bool kept =
            !wanted || std::find(wanted->begin(), wanted->end(), number) != wanted->end();
        if (kept && has(faults, strike.fault)) strikes.push_back(strike);
    }
    return strikes;
}

}  // namespace

std::string_view to_string(Fault fault) {
    return kNames[static_cast<std::size_t>(fault)];
}

std::optional<Fault> fault_from_text(std::string_view name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<Fault>(found - kNames.begin());
}

std::string to_text(const Faults& faults) {
    if (faults.none()) return "none";
    std::string text;
    for (std::size_t f = 0; f < kFaults; ++f)
        if (faults[f]) text += (text.empty() ? "" : ",") + std::string(kNames[f]);
    return text;
}

std::vector<std::uint32_t> draw_priorities(std::uint64_t seed, std::size_t nodes) {
    Random random = stream(seed, 9);
    if (random.below(4) != 0) return {};
    std::vector<std::uint32_t> priorities(nodes);
    for (std::uint32_t& priority : priorities)
        priority = static_cast<std::uint32_t>(random.below(3));
    return priorities;
}

Plan make_plan(const RunOptions& options) {
    Random random = stream(options.seed, 0);
    Plan plan;
    plan.asked = options;
    plan.nodes = one_of(random, std::array<std::size_t, 4>{3, 3, 5, 7});
    if (options.nodes) plan.nodes = *options.nodes;
    plan.faults = draw_faults(options);
    if (has(plan.faults, Fault::membership)) plan.spares = kSpares;
    if (options.spares) plan.spares = *options.spares;
    plan.weather = draw_weather(options.seed, plan.faults);
    plan.pace = draw_pace(options.seed);
    plan.node = draw_node(options.seed);
    draw_small_limits(options.seed, plan.node);
    plan.priorities = draw_priorities(options.seed, plan.nodes + plan.spares);
    plan.clock_rates = draw_clocks(options, plan);
    plan.workload = draw_workload(options, plan);
    plan.strikes = draw_strikes(options, plan.faults);
    return plan;
}

}  // namespace raftbus::sim
