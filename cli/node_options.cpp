#include "cli/node_options.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <set>

#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/failure.hpp"

namespace raftbus::cli {
namespace {

constexpr std::uint64_t kMessageBytesMax = 16 << 20;  // of a client's message (docs/protocol.md)
constexpr std::uint64_t kMessageOverhead = 1 << 20;
constexpr std::uint64_t kSegmentBytesMin = 64 << 10;
constexpr std::uint64_t kSnapshotRateMin = 64 << 10;
constexpr Duration kSpinMax = 100ms;
constexpr std::uint64_t kPriorityMax = 1'000'000;
// Quartz is off by 0.01 %, and a clock that is being set runs 0.05 % fast or slow.
constexpr std::uint64_t kClockDriftPercent = 1;
constexpr std::uint64_t kClockDriftPercentMax = 90;

OptionSpec spec(std::string_view name, std::string_view value, std::string_view help,
                std::string_view choices = {}) {
    return {
        .name = name, .value = value, .help = help, .choices = choices, .from_surroundings = true};
}

// Where the setting came from, or how it would be given.
std::string where_of(const Options& options, std::string_view name) {
    const Setting* setting = options.find(name);
    return setting != nullptr ? setting->where : fmt::format("--{}", name);
}

[[noreturn]] void refuse_option(const Options& options, std::string_view name,
                                const std::string& reason, std::string next) {
    refuse(where_of(options, name), options.text(name), reason, std::move(next));
}

[[noreturn]] void refuse_missing(std::string_view name, std::string next) {
    throw Failure(Exit::refused, fmt::format("--{} is missing", name), std::move(next));
}

std::string checked_endpoint(const Options& options, std::string_view name, std::string fallback) {
    const Setting* setting = options.find(name);
    if (setting == nullptr) return fallback;
    const auto endpoint = parse_tcp(setting->value);
    if (!endpoint) {
        refuse(setting->where, setting->value, endpoint.error().message,
               fmt::format("write --{} tcp://127.0.0.1:PORT", name));
    }
    return endpoint->text();
}

NodeId node_id(const Options& options) {
    const auto id = options.number("id");
    if (!id) refuse_missing("id", "say which of the peers this node is: --id 1");
    if (*id == 0 || *id > UINT32_MAX)
        refuse_option(options, "id", "is not from 1 to 4294967295", "");
    return NodeId(static_cast<std::uint32_t>(*id));
}

// Node I of a cluster on one machine: 7238, 7248, 7258, …
std::string default_client(NodeId id) {
    constexpr std::uint64_t kStride = 10;
    const std::uint64_t port = kClientPort + kStride * (id.value - 1);
    return port > UINT16_MAX ? std::string{}
                             : TcpEndpoint{"127.0.0.1", static_cast<std::uint16_t>(port)}.text();
}

// Its neighbour: 7239, 7249, 7259, …
std::string default_peer(NodeId id) {
    const auto client = parse_tcp(default_client(id));
    return client ? TcpEndpoint{client->host, static_cast<std::uint16_t>(client->port + 1)}.text()
                  : std::string{};
}

// After the endpoints.
void read_join(const Options& options, NodeSettings& settings) {
    const Setting* join = options.find("join");
    settings.learner = options.on("learner");
    settings.expect_existing = options.on("expect-existing");
    if (join == nullptr) {
        if (settings.learner)
            refuse_option(options, "learner", "goes with --join", "say which cluster to join");
        return;
    }
    if (options.given("peers")) {
        refuse_option(options, "join", "and --peers exclude each other",
                      "--peers is for the nodes that a cluster begins with");
    }
    settings.join = checked_endpoint(options, "join", "");
    if (settings.peer_bind.empty()) settings.peer_bind = default_peer(settings.id);
    if (settings.peer_bind.empty())
        refuse_missing("peer", "say where the other nodes reach this one: tcp://127.0.0.1:7269");
    const std::string host = parse_tcp(settings.peer_bind)->host;
    if (host == "0.0.0.0" || host == "[::]" || host == "*")
        refuse_option(options, "peer", "is no address at which the other nodes reach this one",
                      "with --join it has to be: tcp://10.0.0.4:7239");
}

void read_members(const Options& options, NodeSettings& settings) {
    const Setting* peers = options.find("peers");
    if (peers == nullptr) return;
    settings.members = parse_peers(peers->where, peers->value);
    const bool own = std::any_of(settings.members.begin(), settings.members.end(),
                                 [&](const Member& member) { return member.node == settings.id; });
    if (!own) {
        refuse(peers->where, peers->value,
               fmt::format("node {} ({}) is not among them", settings.id.value,
                           where_of(options, "id")),
               "the list names every node, this one included");
    }
}

void read_endpoints(const Options& options, NodeSettings& settings) {
    settings.peer_bind = checked_endpoint(options, "peer", "");
    settings.client_bind = checked_endpoint(options, "client", default_client(settings.id));
    settings.trace_bind = checked_endpoint(options, "trace", "");
    if (settings.client_bind.empty())
        refuse_missing("client", "say where clients connect: tcp://127.0.0.1:7238");
    std::string peer = settings.peer_bind;
    for (const Member& member : settings.members) {
        if (member.node == settings.id && peer.empty()) peer = member.peer;
    }
    if (settings.client_bind == settings.trace_bind) {
        refuse_option(options, "trace", "is --client's address too",
                      "each needs a port of its own");
    }
    for (const std::string_view name : {"client", "trace"}) {
        if (!peer.empty() &&
            peer == (name == "client" ? settings.client_bind : settings.trace_bind)) {
            refuse_option(options, name, "is this node's address for its peers too",
                          "each needs a port of its own");
        }
    }
    settings.insecure_bind = options.on("insecure-bind");
}

// "300ms-600ms"
void read_election_timeout(const Options& options, RaftOptions& raft) {
    const Setting* setting = options.find("election-timeout");
    if (setting == nullptr) return;
    const auto parts = split(setting->value, '-');
    const auto min = parts.size() == 2 ? duration_from(parts[0], 1ms) : std::nullopt;
    const auto max = parts.size() == 2 ? duration_from(parts[1], 1ms) : std::nullopt;
    if (!min || !max) refuse(setting->where, setting->value, "is not MIN-MAX", "write 300ms-600ms");
    if (*min >= *max) {
        refuse(setting->where, setting->value, "the first must be less than the second",
               "nodes draw their timeouts between them, so that two seldom campaign at once");
    }
    raft.election_timeout_min = *min;
    raft.election_timeout_max = *max;
}

void read_timing(const Options& options, RaftOptions& raft) {
    raft.heartbeat = options.duration("heartbeat", 1ms).value_or(raft.heartbeat);
    read_election_timeout(options, raft);
    const bool heartbeat_fits =
        raft.heartbeat > 0s && 2 * raft.heartbeat < raft.election_timeout_min;
    if (!heartbeat_fits) {
        const bool given = options.given("heartbeat");
        refuse_option(
            options, given ? "heartbeat" : "election-timeout",
            fmt::format(
                "a heartbeat of {} must be more than nothing and less than half of the least "
                "election timeout, {}",
                duration_text(raft.heartbeat), duration_text(raft.election_timeout_min)),
            "shorten --heartbeat or raise --election-timeout");
    }
}

// Diss. §6.4.1: when the lease ends by a clock that runs slow, no voter's promise may have ended by
// one that runs fast.
void read_lease(const Options& options, RaftOptions& raft) {
    const std::uint64_t drift = options.number("clock-drift").value_or(kClockDriftPercent);
    if (drift > kClockDriftPercentMax)
        refuse_option(options, "clock-drift",
                      fmt::format("is a percentage, at most {}", kClockDriftPercentMax), "");
    raft.lease = options.duration("lease-duration", 1ms);
    if (!raft.lease) return;
    const auto rate = static_cast<Duration::rep>(drift);
    const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(
        raft.election_timeout_min * (100 - rate) / (100 + rate));
    if (*raft.lease > longest || *raft.lease <= raft.heartbeat) {
        refuse_option(options, "lease-duration",
                      fmt::format("must be more than the heartbeat, {}, and at most {}: the least "
                                  "election timeout, {}, on clocks that are off by {} %",
                                  duration_text(raft.heartbeat), duration_text(longest),
                                  duration_text(raft.election_timeout_min), drift),
                      "shorten it, or raise --election-timeout");
    }
}

void read_priority(const Options& options, RaftOptions& raft) {
    const std::uint64_t priority = options.number("priority").value_or(raft.priority);
    if (priority > kPriorityMax)
        refuse_option(options, "priority", fmt::format("must be at most {}", kPriorityMax), "");
    raft.priority = static_cast<std::uint32_t>(priority);
}

void read_fast_failover(const Options& options, RaftOptions& raft) {
    const Setting* setting = options.find("fast-failover");
    raft.fast_failover = setting != nullptr ? setting->value == "on" : !raft.lease.has_value();
    if (raft.fast_failover && raft.lease) {
        refuse(setting->where, setting->value,
               fmt::format("excludes leases ({}): a lease promises that nobody votes early",
                           where_of(options, "lease-duration")),
               "drop one of the two");
    }
}

void read_limits(const Options& options, GatewayOptions& gateway) {
    gateway.key_bytes_max = options.bytes("key-bytes-max").value_or(gateway.key_bytes_max);
    gateway.value_bytes_max = options.bytes("value-bytes-max").value_or(gateway.value_bytes_max);
    gateway.requests_max = options.number("requests-max").value_or(gateway.requests_max);
    gateway.requests_per_client_max =
        options.number("requests-per-client-max").value_or(gateway.requests_per_client_max);
    gateway.bytes_max = options.bytes("requests-bytes-max").value_or(gateway.bytes_max);
    gateway.unread_bytes_max = options.bytes("unread-bytes-max").value_or(gateway.unread_bytes_max);
    gateway.unread_bytes_per_client_max =
        options.bytes("unread-bytes-per-client-max").value_or(gateway.unread_bytes_per_client_max);
    gateway.watches_max = options.number("watches-max").value_or(gateway.watches_max);
    gateway.watches_per_client_max =
        options.number("watches-per-client-max").value_or(gateway.watches_per_client_max);
    gateway.batch_bytes_max = options.bytes("batch-bytes-max").value_or(gateway.batch_bytes_max);
    gateway.scan_items_max = options.number("scan-items-max").value_or(gateway.scan_items_max);
    for (const std::string_view name :
         {"key-bytes-max", "requests-max", "requests-per-client-max", "requests-bytes-max",
          "batch-bytes-max", "scan-items-max", "unread-bytes-max", "unread-bytes-per-client-max",
          "connections-max", "watches-max", "watches-per-client-max"}) {
        if (options.text(name) == "0") refuse_option(options, name, "must be at least 1", "");
    }
    // A condition's value travels beside the new one.
    if (gateway.key_bytes_max + 2 * gateway.value_bytes_max + kMessageOverhead > kMessageBytesMax) {
        const char* name = options.given("value-bytes-max") ? "value-bytes-max" : "key-bytes-max";
        refuse_option(options, name, "a key and two values must fit into a message of 15 MiB",
                      "keep large things elsewhere and their names here");
    }
}

void read_storage(const Options& options, NodeSettings& settings) {
    settings.flush_bytes = options.bytes("flush-bytes").value_or(settings.flush_bytes);
    settings.segment_bytes = options.bytes("segment-bytes").value_or(settings.segment_bytes);
    if (settings.segment_bytes < kSegmentBytesMin) {
        refuse_option(options, "segment-bytes", "must be at least 64KiB", "");
    }
    settings.flush_entries = options.number("flush-entries").value_or(settings.flush_entries);
    settings.log_keep_bytes = options.bytes("log-keep-bytes").value_or(settings.log_keep_bytes);
    settings.direct_log = options.text("log-writes") != "cached";
    settings.disk_reserve = options.bytes("disk-reserve").value_or(settings.disk_reserve);
    settings.log_keep_entries =
        options.number("log-keep-entries").value_or(settings.log_keep_entries);
    settings.raft.snapshot_bytes_per_second =
        options.bytes("snapshot-rate").value_or(settings.raft.snapshot_bytes_per_second);
    settings.raft.storage_stall =
        options.duration("storage-stall", 1ms).value_or(settings.raft.storage_stall);
    if (settings.raft.snapshot_bytes_per_second < kSnapshotRateMin)
        refuse_option(options, "snapshot-rate", "must be at least 64KiB", "");
    if (settings.raft.storage_stall < settings.raft.election_timeout_min)
        refuse_option(options, "storage-stall", "must be at least the least election timeout",
                      "a disk that is a little slow is no reason to change the leader");
    for (const std::string_view name : {"flush-bytes", "flush-entries"})
        if (options.find(name) != nullptr &&
            options.text(name).find_first_not_of('0') == std::string::npos)
            refuse_option(options, name, "must be at least 1", "");
}

// "0,1,2"
std::vector<int> cpus_from(const Setting& setting) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    std::vector<int> cpus;
    for (const std::string& item : split(setting.value, ',')) {
        const auto cpu = number_from(item);
        if (!cpu) refuse(setting.where, setting.value, "is not N,N,…", "write 0,1,2");
        if (*cpu >= CPU_SETSIZE || !CPU_ISSET(*cpu, &allowed))
            refuse(setting.where, setting.value,
                   fmt::format("this process may not use processor {}", *cpu),
                   "`taskset -pc $$` tells which it may");
        cpus.push_back(static_cast<int>(*cpu));
    }
    return cpus;
}

void read_threads(const Options& options, ThreadOptions& threads) {
    const std::string scheduling = options.text("scheduling");
    if (scheduling == "batch") threads.scheduling = Scheduling::batch;
    if (scheduling == "normal") threads.scheduling = Scheduling::normal;
    threads.spin = options.duration("spin", 1us).value_or(threads.spin);
    if (threads.spin > kSpinMax)
        refuse_option(options, "spin", "must be at most 100ms",
                      "what pays is the time of a round trip, 50us to 500us");
    if (const Setting* cpus = options.find("cpus")) threads.cpus = cpus_from(*cpus);
}

}  // namespace

const std::vector<OptionSpec>& node_option_specs() {
    static const std::vector<OptionSpec> specs = {
        spec("id", "N", "which of the peers this node is"),
        spec("data", "DIR", "where its log and state live; made if it is not there"),
        spec("peers", "N=ENDPOINT,…",
             "all nodes with their addresses for each other, the same list on every node; ignored "
             "once the "
             "data directory exists"),
        spec("join", "ENDPOINT",
             "become a member of the cluster of the node whose clients connect there; ignored once "
             "the data directory exists"),
        spec("learner", "", "with --join: stay a learner, which copies everything and has no vote"),
        spec("expect-existing", "",
             "this node has run before: where its data directory is empty, it does not start as a "
             "new one"),
        spec("client", "ENDPOINT",
             "where clients connect (default tcp://127.0.0.1:7238, +10 for each further id)"),
        spec("trace", "ENDPOINT", "where traces are published (default: nowhere)"),
        spec("peer", "ENDPOINT",
             "where to listen for peers, if not at the own address in --peers (with --join default "
             "tcp://127.0.0.1:7239, +10 for each further id)"),
        spec("cluster", "NAME", "the cluster's id (default: derived from --peers)"),
        spec("insecure-bind", "", "listen beyond loopback though nothing is encrypted or checked"),
        spec("heartbeat", "TIME", "between a leader's signs of life (default 50ms)"),
        spec("election-timeout", "MIN-MAX",
             "without a leader, then a node campaigns (default 300ms-600ms)"),
        spec("lease-duration", "TIME",
             "switches leader leases on, for reads with consistency lease"),
        spec("clock-drift", "PERCENT",
             "with leases: how much a node's clock may run too fast or too slow (default 1)"),
        spec("fast-failover", "on|off",
             "campaign at once when the leader's connection breaks (default on; off with leases)",
             "on|off"),
        spec("priority", "N",
             "as a leader: one that has less makes room for this node when it has been well for a "
             "while (default 0)"),
        spec("key-bytes-max", "SIZE", "longest key (default 4KiB)"),
        spec("value-bytes-max", "SIZE", "longest value (default 1MiB)"),
        spec("requests-max", "N", "requests in flight, of all clients (default 100000)"),
        spec("requests-per-client-max", "N",
             "requests in flight, of one connection (default 16384)"),
        spec("requests-bytes-max", "SIZE", "bytes of requests in flight (default 256MiB)"),
        spec("unread-bytes-max", "SIZE",
             "bytes of replies that clients have not read yet (default 256MiB)"),
        spec("unread-bytes-per-client-max", "SIZE", "the same, of one connection (default 32MiB)"),
        spec("connections-max", "N", "clients connected at a time (default 10000)"),
        spec("watches-max", "N", "watches of all clients (default 10000)"),
        spec("watches-per-client-max", "N", "watches of one connection (default 5000)"),
        spec("batch-bytes-max", "SIZE", "commands packed into one batch (default 1MiB)"),
        spec("scan-items-max", "N", "items in one SCAN reply (default 10000)"),
        spec("flush-bytes", "SIZE", "state in memory before it is written to disk (default 48MiB)"),
        spec("flush-entries", "N", "or so many writes since the last time (default 10000000)"),
        spec("segment-bytes", "SIZE", "one file of the log (default 24MiB)"),
        spec(
            "log-keep-bytes", "SIZE",
            "log that stays after a flush, for followers that are a little behind (default 48MiB)"),
        spec("log-writes", "HOW",
             "direct: past the page cache, where the file system can; cached: through it (default "
             "direct)",
             "direct|cached"),
        spec("disk-reserve", "SIZE",
             "room kept aside, so that a full disk stops writes and nothing else; flush-bytes and "
             "a third as much again is enough (default 64MiB)"),
        spec("log-keep-entries", "N", "and at most so many entries (default 1000000)"),
        spec(
            "snapshot-rate", "SIZE",
            "a second, at which followers that are far behind are sent the state (default 128MiB)"),
        spec("storage-stall", "TIME",
             "without an answer of its disk, then a leader hands over (default 2s)"),
        spec("spin", "TIME",
             "how long a thread without work looks for more before it sleeps: latency for a busy "
             "processor (default 0: not at all)"),
        spec("scheduling", "HOW",
             "batch: threads that are woken let others finish, so each does more at a time; "
             "normal: they may interrupt; auto: batch, unless other programs keep them waiting "
             "(default auto)",
             "auto|batch|normal"),
        spec("cpus", "N,N,…",
             "processors for the threads: main, storage, network, in turn (default: any)"),
        spec("log-level", "LEVEL", "debug, info, warning or error (default info)",
             "debug|info|warning|error"),
        spec("log-format", "FORMAT",
             "text, logfmt or json (default: text on a terminal, logfmt elsewhere)",
             "auto|text|logfmt|json"),
        spec("config", "FILE", "an INI file with any of these options, name = value"),
        {.name = "print-config",
         .value = "",
         .help = "show every option, its value and its source, and end"},
    };
    return specs;
}

NodeSettings node_settings(const Options& options) {
    NodeSettings settings;
    settings.id = node_id(options);
    settings.data = options.text("data");
    if (settings.data.empty()) {
        refuse_missing("data",
                       fmt::format("say where the node's files live: --data ./raftbus-data/n{}",
                                   settings.id.value));
    }
    if (const Setting* cluster = options.find("cluster")) {
        if (cluster->value.empty() ||
            cluster->value.find_first_of(" \t\r\n") != std::string::npos) {
            refuse(cluster->where, cluster->value, "must be one word", "");
        }
        settings.cluster = cluster->value;
    }
    read_members(options, settings);
    read_endpoints(options, settings);
    read_join(options, settings);
    read_timing(options, settings.raft);
    read_lease(options, settings.raft);
    read_priority(options, settings.raft);
    read_fast_failover(options, settings.raft);
    settings.gateway.leases = settings.raft.lease.has_value();
    read_limits(options, settings.gateway);
    settings.connections_max = options.number("connections-max").value_or(settings.connections_max);
    read_storage(options, settings);
    read_threads(options, settings.threads);
    settings.log_level = options.text("log-level", settings.log_level);
    settings.log_format = options.text("log-format", settings.log_format);
    return settings;
}

std::vector<Member> parse_peers(const std::string& where, const std::string& text) {
    std::vector<Member> members;
    std::set<std::string> endpoints;
    for (const std::string& item : split(text, ',')) {
        const std::size_t equals = std::min(item.find('='), item.size());
        const auto id = number_from(item.substr(0, equals));
        if (!id || *id == 0 || *id > UINT32_MAX || equals == item.size()) {
            refuse(where, item, "is not N=tcp://host:port",
                   "write 1=tcp://127.0.0.1:7239,2=tcp://127.0.0.1:7249,…");
        }
        const auto endpoint = parse_tcp(item.substr(equals + 1));
        if (!endpoint) refuse(where, item, endpoint.error().message, "write N=tcp://host:port");
        const NodeId node(static_cast<std::uint32_t>(*id));
        for (const Member& member : members) {
            if (member.node == node)
                refuse(where, text, fmt::format("node {} is named twice", *id),
                       "every node has an id of its own");
        }
        if (!endpoints.insert(endpoint->text()).second) {
            refuse(where, text, fmt::format("{} is named twice", endpoint->text()),
                   "every node has an address of its own");
        }
        members.push_back({.node = node, .peer = endpoint->text()});
    }
    if (members.empty()) refuse(where, text, "names nobody", "write 1=tcp://127.0.0.1:7239,…");
    std::sort(members.begin(), members.end(),
              [](const Member& a, const Member& b) { return a.node < b.node; });
    return members;
}

std::string derived_cluster(const std::vector<Member>& members) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const Member& member : members) {
        for (const char c : fmt::format("{}={},", member.node.value, member.peer)) {
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        }
    }
    return fmt::format("{:016x}", hash);
}

std::string printed_config(const Options& options) {
    std::string text;
    for (const OptionSpec& spec : node_option_specs()) {
        if (!spec.from_surroundings || spec.name == "config") continue;
        const Setting* setting = options.find(spec.name);
        if (setting != nullptr) {
            text += fmt::format("{} = {}  # {}\n", spec.name, setting->value, setting->where);
        } else {
            text += fmt::format("# {} =  # {}\n", spec.name, spec.help);
        }
    }
    return text;
}

}  // namespace raftbus::cli
