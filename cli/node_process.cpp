#include "cli/node_process.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "actors/election.hpp"
#include "actors/gateway.hpp"
#include "actors/replicator.hpp"
#include "actors/state_machine.hpp"
#include "actors/storage.hpp"
#include "bus/node.hpp"
#include "bus/scheduling.hpp"
#include "cli/display.hpp"
#include "cli/endpoints.hpp"
#include "cli/join.hpp"
#include "cli/node_logger.hpp"
#include "cli/sd_notify.hpp"
#include "storage/disk_posix.hpp"
#include "storage/identity.hpp"
#include "storage/kv_forgetful.hpp"
#include "storage/kv_rocksdb.hpp"
#include "storage/log.hpp"
#include "storage/startup.hpp"

namespace raftbus::cli {
namespace {

// A signal handler can reach nothing but globals; there is one node in this process.
std::atomic<Node*> g_node{nullptr};
std::atomic<bool> g_stopping{false};

extern "C" void on_stop_signal(int signal) {
    if (g_stopping.exchange(true)) _exit(128 + signal);
    if (Node* node = g_node.load()) node->stop();
}

extern "C" void on_dump_signal(int) {
    if (Node* node = g_node.load()) node->dump_recent();
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

template <class T>
T opened(Result<T> result) {
    if (!result) throw Failure(Exit::refused, result.error().message);
    return std::move(*result);
}

// Each client's connection is an open file, and so is much else.
void raise_file_limit(std::uint64_t connections, spdlog::logger& log) {
    constexpr rlim_t kOthers = 4'096;  // of the state's and the log's files, and twice refused ones
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = connections + kOthers;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min(wanted, limit.rlim_max);
    const bool raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
    if (raised && limit.rlim_cur >= wanted) return;
    log.warn(
        "the limit of open files is {}: {} clients (--connections-max) need {}; raise it with "
        "ulimit -n, or LimitNOFILE in the service file, or lower --connections-max",
        limit.rlim_cur, connections, wanted);
}

// What the directory already says, or what the first start writes there.
Identity identity_for(Disk& disk, const NodeSettings& settings, spdlog::logger& log) {
    const std::optional<Identity> known = opened(load_identity(disk));
    const bool belongs = known && known->node == settings.id;
    if (!settings.join.empty() && (!known || (known->joining && belongs)))
        return join_cluster(disk, settings, known, log);
    if (!known) {
        if (settings.members.empty()) {
            throw Failure(
                Exit::refused, "--peers is missing",
                fmt::format("{} is new: name all nodes once, --peers {}=tcp://127.0.0.1:7239,…, "
                            "or join a cluster that runs, --join tcp://127.0.0.1:7238",
                            settings.data, settings.id.value));
        }
        const Identity fresh{settings.cluster.value_or(derived_cluster(settings.members)),
                             settings.id, settings.members};
        if (!save_identity(disk, fresh)) {
            throw Failure(Exit::refused, fmt::format("no room on the disk for {}", settings.data),
                          "free some space");
        }
        return fresh;
    }
    if (known->node != settings.id) {
        throw Failure(
            Exit::refused,
            fmt::format("{} belongs to node {} of cluster {}, but --id says {}", settings.data,
                        known->node.value, known->cluster, settings.id.value),
            "give the right --data or the right --id");
    }
    if (known->joining) {
        throw Failure(Exit::refused,
                      fmt::format("node {} has not finished joining cluster {}", known->node.value,
                                  known->cluster),
                      "start it with --join again, or empty " + settings.data);
    }
    if (settings.cluster && *settings.cluster != known->cluster) {
        throw Failure(Exit::refused,
                      fmt::format("{} belongs to cluster {}, but --cluster says {}", settings.data,
                                  known->cluster, *settings.cluster),
                      "give the right --data or the right --cluster");
    }
    if (!settings.members.empty()) {
        const bool differs = std::any_of(
            settings.members.begin(), settings.members.end(), [&](const Member& member) {
                return std::none_of(known->members.begin(), known->members.end(),
                                    [&](const Member& k) {
                                        return k.node == member.node && k.peer == member.peer;
                                    });
            });
        log.info("--peers is ignored: {} knows the cluster's members{}", settings.data,
                 differs ? ", and others than it says" : "");
    }
    return *known;
}

// Everything that the actors use and outlives them.
struct Parts {
    std::unique_ptr<Disk> disk;
    Identity identity;
    std::unique_ptr<Log> log;
    std::unique_ptr<KvState> state;
    RaftOptions raft;
    GatewayOptions gateway;
};

std::string own_peer_endpoint(const Identity& identity) {
    for (const Member& member : identity.members) {
        if (member.node == identity.node) return member.peer;
    }
    throw Failure(Exit::refused, "the data directory's list of members lacks this node itself");
}

// Tells this process from the node's earlier ones in the names of requests; below 2^16.
std::uint64_t draw_incarnation() {
    std::random_device device;
    return std::uniform_int_distribution<std::uint64_t>(1, UINT16_MAX)(device);
}

// RAFTBUS_FAKE_VERSIONS=A..B has a node pretend, for tests (docs/hacking.md).
Versions own_versions(spdlog::logger& log) {
    const std::string fake = process_environment()("RAFTBUS_FAKE_VERSIONS").value_or("");
    if (fake.empty()) return kVersions;
    const std::size_t dots = std::min(fake.find(".."), fake.size());
    const auto oldest = number_from(fake.substr(0, dots));
    const auto newest = dots == fake.size() ? oldest : number_from(fake.substr(dots + 2));
    constexpr std::uint64_t kMost = 1'000;
    if (!oldest || !newest || *oldest == 0 || *oldest > *newest || *newest > kMost)
        throw Failure(Exit::refused, fmt::format("RAFTBUS_FAKE_VERSIONS={} is no range", fake),
                      "write RAFTBUS_FAKE_VERSIONS=1..2, or take it out of the environment");
    const Versions versions{static_cast<std::uint32_t>(*oldest),
                            static_cast<std::uint32_t>(*newest)};
    log.warn("RAFTBUS_FAKE_VERSIONS: this node pretends to speak version {}", to_text(versions));
    return versions;
}

// A cluster never goes back to an older version, so neither may its data.
void refuse_newer_data(const Parts& parts, const std::string& data) {
    std::vector<StoredConfiguration> stored = parts.log->recovered().configurations;
    stored.push_back(parts.state->configuration());
    const Versions& own = parts.raft.versions;
    for (const StoredConfiguration& one : stored) {
        if (!one.index) continue;
        const auto configuration = decode_configuration(one.body.view());
        if (!configuration || configuration->version <= own.newest) continue;
        throw Failure(Exit::refused,
                      fmt::format("{} is of a cluster that speaks version {}, this release {}",
                                  data, configuration->version, to_text(own)),
                      "install a newer release; a cluster does not go back");
    }
}

// Fault injection for tests (docs/hacking.md): RAFTBUS_FAULT=forget-writes@INDEX.
std::unique_ptr<KvState> with_faults(std::unique_ptr<KvState> state, spdlog::logger& log) {
    constexpr std::string_view kForget = "forget-writes@";
    const std::string fault = process_environment()("RAFTBUS_FAULT").value_or("");
    if (fault.empty()) return state;
    const auto index =
        fault.starts_with(kForget) ? number_from(fault.substr(kForget.size())) : std::nullopt;
    if (!index)
        throw Failure(Exit::refused, fmt::format("RAFTBUS_FAULT={} is no fault", fault),
                      "write RAFTBUS_FAULT=forget-writes@INDEX, or take it out of the environment");
    log.warn("RAFTBUS_FAULT: the first writes from index {} on will be forgotten here", *index);
    return std::make_unique<KvForgetful>(
        std::move(state), [from = LogIndex(*index), done = false](const Batch& batch) mutable {
            return !done && (done = batch.header.last() >= from);
        });
}

Parts open_parts(const NodeSettings& settings, spdlog::logger& log) {
    Parts parts;
    parts.disk = opened(open_posix_disk(
        settings.data,
        {.reserve_bytes = settings.disk_reserve, .direct_appends = settings.direct_log}));
    parts.identity = identity_for(*parts.disk, settings, log);
    parts.log = opened(open_log(*parts.disk, parts.identity,
                                {.segment_bytes = settings.segment_bytes,
                                 .keep_bytes = settings.log_keep_bytes,
                                 .keep_entries = settings.log_keep_entries}));
    KvRocksdbOptions state_options;
    state_options.layers.flush_bytes = settings.flush_bytes;
    state_options.layers.replay_entries = settings.flush_entries;
    state_options.make_room = [disk = parts.disk.get()](bool start) {
        return disk->release_reserve(start);
    };
    state_options.failed = [&log](const std::string& what) {
        log.error("fatal: {}. A disk that failed once is not to be believed: check it first", what);
        log.flush();
        std::_Exit(static_cast<int>(Exit::fatal));
    };
    parts.state = opened(KvRocksdb::open(settings.data + "/state", state_options));
    parts.disk->hold_reserve();  // again, as far as there is room
    parts.state = with_faults(std::move(parts.state), log);
    if (const Status together = bring_together(*parts.log, *parts.state); !together)
        throw Failure(Exit::refused, settings.data + ": " + together.error().message);
    const std::string own = own_peer_endpoint(parts.identity);
    parts.raft = settings.raft;
    parts.raft.members = parts.identity.members;
    parts.raft.rejoin_at = parts.identity.rejoin_at;
    parts.raft.versions = own_versions(log);
    refuse_newer_data(parts, settings.data);
    parts.gateway = settings.gateway;
    parts.gateway.cluster = parts.identity.cluster;
    parts.gateway.version = RAFTBUS_VERSION;
    parts.gateway.versions = parts.raft.versions;
    parts.gateway.client = reachable(settings.client_bind, own);
    parts.gateway.trace = reachable(settings.trace_bind, own);
    parts.gateway.incarnation = draw_incarnation();
    return parts;
}

NodeConfig config_for(const NodeSettings& settings, const Parts& parts,
                      std::shared_ptr<spdlog::logger> log) {
    NodeConfig config;
    config.id = settings.id;
    config.cluster = parts.identity.cluster;
    config.members = parts.identity.members;
    config.versions = parts.raft.versions;
    config.peer_bind =
        settings.peer_bind.empty() ? own_peer_endpoint(parts.identity) : settings.peer_bind;
    config.client_bind = settings.client_bind;
    config.trace_bind = settings.trace_bind;
    config.insecure_bind = settings.insecure_bind;
    config.threads = settings.threads;
    config.client_port.connections_max = settings.connections_max;
    config.incarnation = parts.gateway.incarnation;
    config.logger = std::move(log);
    return config;
}

std::unique_ptr<Actor> make_actor(ActorName name, Context& context, Parts& parts) {
    const RecoveredLog& recovered = parts.log->recovered();
    switch (name) {
        case ActorName::election:
            return std::make_unique<Election>(context, parts.raft, recovered.hard_state);
        case ActorName::replicator:
            return std::make_unique<Replicator>(context, parts.raft, recovered,
                                                parts.state->applied().index, parts.state->clock(),
                                                parts.state->configuration());
        case ActorName::storage:
            return std::make_unique<Storage>(context, *parts.log);
        case ActorName::state_machine:
            return std::make_unique<StateMachine>(context, *parts.state);
        case ActorName::gateway:
            return std::make_unique<Gateway>(context, parts.gateway);
        case ActorName::bus:
            break;
    }
    CHECK(false, "the bus is no actor that is made");
    return nullptr;
}

void log_start(spdlog::logger& log, const Parts& parts, const std::string& data) {
    const RecoveredLog& recovered = parts.log->recovered();
    const bool empty = recovered.last.index < parts.log->first();
    log.info("{}: term {}, log {}, state at {}{}", data, recovered.hard_state.term.value,
             empty ? "empty"
                   : fmt::format("{} to {}", parts.log->first().value, recovered.last.index.value),
             parts.state->applied().index.value,
             recovered.torn_bytes == 0
                 ? std::string{}
                 : fmt::format(", {} bytes of an unfinished write cut off", recovered.torn_bytes));
}

}  // namespace

Exit run_node_process(const NodeSettings& settings) {
    const std::shared_ptr<spdlog::logger> log =
        make_node_logger(settings.log_level, settings.log_format);
    // None of these may end a node, at no moment of its life: a terminal that closes, a reload.
    for (const int signal : {SIGPIPE, SIGHUP, SIGUSR2}) handle(signal, SIG_IGN);
    handle(SIGUSR1, on_dump_signal);
    raise_file_limit(settings.connections_max, *log);
    if (!ThreadScheduling(settings.threads.scheduling).begin())
        log->warn("this process may not choose SCHED_BATCH: it is scheduled as the system likes");
    Parts parts = open_parts(settings, *log);
    auto node =
        opened(Node::open(config_for(settings, parts, log), [&](ActorName name, Context& context) {
            return make_actor(name, context, parts);
        }));
    g_node = node.get();
    handle(SIGINT, on_stop_signal);
    handle(SIGTERM, on_stop_signal);
    handle(SIGQUIT, on_stop_signal);
    log_start(*log, parts, settings.data);
    node->start();
    sd_notify("READY=1");
    const bool clean = node->wait();
    sd_notify("STOPPING=1");
    handle(SIGUSR1, SIG_IGN);
    g_node = nullptr;
    node.reset();
    if (!clean) return Exit::fatal;
    parts.log->seal();
    log->info("stopped");
    return Exit::done;
}

}  // namespace raftbus::cli
