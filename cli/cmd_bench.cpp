// bench: how fast a cluster is, as its clients see it.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "bench/load.hpp"
#include "bus/clock.hpp"
#include "bus/scheduling.hpp"
#include "cli/bench_report.hpp"
#include "cli/display.hpp"
#include "cli/interrupt.hpp"
#include "cli/survey.hpp"
#include "cli/verb.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using bench::Histogram;
using bench::LoadOptions;

constexpr std::uint64_t kClientsMax = 20'000;
constexpr std::uint64_t kInFlightMax = 1 << 20;  // of all clients
constexpr std::uint64_t kPrepareInFlight = 1'000;
constexpr auto kSurveyPatience = 2s;

std::uint64_t number_within(const Options& options, std::string_view name, std::uint64_t fallback,
                            std::uint64_t least, std::uint64_t most) {
    const std::uint64_t number = options.number(name).value_or(fallback);
    if (number < least || number > most)
        refuse(options.find(name)->where, options.find(name)->value,
               fmt::format("must be from {} to {}", least, most));
    return number;
}

std::chrono::milliseconds time_of(const Options& options, std::string_view name,
                                  std::chrono::microseconds fallback) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        options.duration(name, 1s).value_or(fallback));
}

// The endpoints of the nodes that are meant. Members that others know of count, too.
std::vector<std::string> targets(Session& session) {
    const std::string to = session.options.text("to", "all");
    if (to == "endpoints") return session.client->endpoints();
    std::vector<std::string> chosen;
    for (const NodeView& node : survey(*session.client, kSurveyPatience)) {
        if (!node.status) continue;
        const bool leads = (*node.status)["role"].text() == "leader";
        if (to == "all" || leads == (to == "leader")) chosen.push_back(node.client);
    }
    std::erase(chosen, "");
    if (chosen.empty())
        throw Failure(Exit::unreachable, fmt::format("no node answers that --to {} means", to),
                      "see what there is: raftbus status");
    return chosen;
}

LoadOptions load_options(const Options& options) {
    LoadOptions load;
    load.clients = number_within(options, "clients", 1, 1, kClientsMax);
    load.in_flight = number_within(options, "in-flight", 1, 1, kInFlightMax);
    if (load.clients * load.in_flight > kInFlightMax)
        throw Failure(Exit::refused,
                      fmt::format("{} clients with {} requests each are too many", load.clients,
                                  load.in_flight),
                      fmt::format("at most {} requests in flight altogether", kInFlightMax));
    load.shape.keys = number_within(options, "keys", load.shape.keys, 1, 10'000'000'000'000);
    load.shape.value_bytes = options.bytes("value-bytes").value_or(load.shape.value_bytes);
    load.shape.scan_limit =
        number_within(options, "scan-limit", load.shape.scan_limit, 1, UINT32_MAX);
    load.shape.consistency = options.text("consistency");
    load.seed = options.number("seed").value_or(load.seed);
    load.rate = static_cast<double>(options.number("rate").value_or(0));
    const std::string op = options.text("op", "set");
    const auto reads = static_cast<unsigned>(number_within(options, "reads", 50, 0, 100));
    if (op == "set") load.mix = {1, 0, 0};
    if (op == "get") load.mix = {0, 1, 0};
    if (op == "scan") load.mix = {0, 0, 1};
    if (op == "mixed") load.mix = {100 - reads, reads, 0};
    load.count = options.number("count").value_or(0);
    load.warm_up = time_of(options, "warm-up", load.count > 0 ? 0s : 1s);
    if (load.count == 0 || options.given("seconds"))
        load.time = std::max(time_of(options, "seconds", 10s), 1ms);
    return load;
}

// Many connections need as many descriptors.
void allow_descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

bench::LoadResult run_load(Session& session, const LoadOptions& options, const std::string& title) {
    const bool live = session.output.out_terminal;
    ThreadScheduling scheduling(Scheduling::automatic);  // does not interrupt what is measured
    scheduling.begin();
    const auto tick = [&](const Histogram& lately, double seconds) {
        scheduling.look(steady_now());
        if (live)
            session.output.err << "\r\033[K" << title << bench_line(lately, seconds) << std::flush;
        return interrupt_pending() == 0;
    };
    try {
        bench::LoadResult result = bench::Load(options).run(tick);
        if (live) session.output.err << "\r\033[K" << std::flush;
        return result;
    } catch (const bench::LoadFailed& failed) {
        if (live) session.output.err << "\n";
        throw Failure(Exit::unreachable, failed.what(), "see what there is: raftbus status");
    }
}

// Reads are to find something.
void prepare(Session& session, const LoadOptions& options) {
    LoadOptions fill = options;
    fill.clients = 1;
    fill.in_flight = std::min(kPrepareInFlight, options.shape.keys);
    fill.mix = {1, 0, 0};
    fill.in_order = true;
    fill.rate = 0;
    fill.time = fill.warm_up = 0ms;
    fill.count = options.shape.keys;
    const bench::LoadResult result = run_load(session, fill, "writing the keys   ");
    throw_if_interrupted();
    if (!result.errors.empty())
        throw Failure(Exit::not_executed,
                      fmt::format("{} keys could not be written: {}", result.errors.begin()->second,
                                  result.errors.begin()->first),
                      "see what there is: raftbus status");
}

Exit run_bench(Session& session) {
    LoadOptions options = load_options(session.options);
    options.endpoints = targets(session);
    watch_interrupts();
    allow_descriptors();
    const bool reads = options.mix[1] + options.mix[2] > 0;
    if (reads && session.options.text("prepare", "on") == "on") prepare(session, options);
    const bench::LoadResult result = run_load(session, options, "");
    if (session.output.format == Format::json)
        print_json(session.output, bench_json(options, result));
    else
        session.output.out << bench_text(options, result, session.output.unicode);
    throw_if_interrupted("interrupted: this is what was measured until then");
    return result.answered > 0 ? Exit::done : Exit::not_executed;
}

}  // namespace

Verb bench_verb() {
    return {
        .name = "bench",
        .group = "Running",
        .synopsis = "",
        .summary = "how fast the cluster is, as its clients see it",
        .details =
            "Writes to keys of its own, key0000000000000 and on, and leaves them there. Latency "
            "counts from when a\n"
            "request is sent; with --rate from when it was due, so that a cluster which stands "
            "still is charged\n"
            "for all that had to wait. Ctrl-C shows what was measured until then.",
        .options =
            {
                {.name = "op",
                 .value = "OP",
                 .help = "what to ask for (default set)",
                 .choices = "set|get|mixed|scan"},
                {.name = "clients", .value = "N", .help = "connections (default 1)"},
                {.name = "in-flight",
                 .value = "N",
                 .help = "requests of each client at the same time (default 1)"},
                {.name = "value-bytes", .value = "SIZE", .help = "of each value (default 64)"},
                {.name = "keys", .value = "N", .help = "how many there are (default 100000)"},
                {.name = "seconds", .value = "TIME", .help = "how long to measure (default 10)"},
                {.name = "count", .value = "N", .help = "end after so many requests"},
                {.name = "warm-up",
                 .value = "TIME",
                 .help = "before that, without counting (default 1; 0 with --count)"},
                {.name = "rate",
                 .value = "N",
                 .help = "requests a second (default: as many as go)"},
                {.name = "reads", .value = "PERCENT", .help = "of mixed (default 50)"},
                {.name = "scan-limit", .value = "N", .help = "keys of a scan (default 100)"},
                {.name = "consistency",
                 .value = "LEVEL",
                 .help = "of reads (default linearizable)",
                 .choices = "linearizable|lease|local"},
                {.name = "to",
                 .value = "NODES",
                 .help = "which nodes to ask, or the endpoints as they are given (default all, in "
                         "turn)",
                 .choices = "leader|followers|all|endpoints"},
                {.name = "prepare",
                 .value = "WHEN",
                 .help = "write all keys before reading (default on)",
                 .choices = "on|off"},
                {.name = "seed", .value = "N", .help = "of the keys that are drawn (default 1)"},
            },
        .examples = {{{"raftbus bench --in-flight 256", "durable writes, 256 at a time"},
                      {"raftbus bench --op mixed --reads 90 --clients 50 --seconds 30",
                       "nine reads to a write"},
                      {"raftbus bench --op get --rate 20000 -o json", "latency at a given rate"}}},
        .in_shell = false,
        .run = run_bench};
}

}  // namespace raftbus::cli
