// config: what a node is told about itself. Endpoints are ZeroMQ's: "tcp://127.0.0.1:7238".
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/actor.hpp"
#include "bus/thread_options.hpp"
#include "messages/local.hpp"
#include "messages/versions.hpp"

namespace raftbus {

using namespace std::chrono_literals;

// A thread and the actors that it serves, the most urgent first by ActorName's order.
struct WorkerSpec {
    std::string name;
    std::vector<ActorName> actors;
};
// The first worker owns all network sockets. An actor that is in no worker does not exist.
using WorkerLayout = std::vector<WorkerSpec>;

// Storage waits for the disk, so it has a thread of its own. All else shares one: on few cores a
// hand-over between threads costs more than the work.
inline WorkerLayout default_layout() {
    return {{"main",
             {ActorName::election, ActorName::replicator, ActorName::state_machine,
              ActorName::gateway}},
            {"storage", {ActorName::storage}}};
}

// How connections between nodes are kept. The defaults find a silent peer within 1.25 s, and are
// back 0.1 s after a network that swallowed everything has healed.
struct LinkOptions {
    Duration heartbeat = 250ms;
    Duration heartbeat_timeout = 1s;
    Duration connect_timeout = 500ms;
    Duration reconnect = 100ms;
    Duration reconnect_max = 400ms;
    Duration handshake_timeout = 1s;
    Duration rebuild_after = 5s;      // without any sign of life from the socket itself
    Duration takeover = 1s;           // see peer_admission.hpp
    int messages_waiting_max = 1000;  // for one peer; what is more is dropped
    std::int64_t frame_bytes_max = 64 << 20;
};

struct ClientPortOptions {
    std::int64_t frame_bytes_max = 16 << 20;  // a longer frame ends the connection
    std::size_t burst_max = 512;              // messages handed to the gateway at once
    std::size_t burst_bytes_max = 4 << 20;
    int replies_waiting_max = 32'768;      // for one client; what is more is dropped
    std::size_t connections_max = 10'000;  // of clients; others are told to come again
};

struct NodeConfig {
    NodeId id;
    std::string cluster;          // the cluster's id
    std::vector<Member> members;  // all nodes of the cluster, this one included
    std::string peer_bind;        // where this node listens for peers
    std::string client_bind;      // and for clients
    std::string trace_bind;       // and for tracers; empty: nowhere
    bool insecure_bind = false;   // lets it listen beyond loopback without keys

    std::uint64_t disk = 0;         // the id of the data directory; 0: it has none
    Versions versions = kVersions;  // that this node speaks

    WorkerLayout layout = default_layout();
    ThreadOptions threads;
    LinkOptions link;
    ClientPortOptions client_port;
    Duration stop_election_limit = 2s;  // for handing leadership over
    Duration stop_gateway_limit = 1s;   // for answering clients

    std::optional<std::uint64_t> seed;         // of all random numbers; none: drawn
    std::optional<std::uint64_t> incarnation;  // of this process, from 1; none: drawn
    std::shared_ptr<spdlog::logger> logger;    // of the thread-safe kind; none: to stderr
    // Called once, from the thread that failed, after the reason is in the log. By default it ends
    // the process with status 70. Should it return, no message leaves the node any more.
    std::function<void(const std::string&)> on_fatal;
};

// Makes the actor of that name. The context outlives it.
using ActorFactory = std::function<std::unique_ptr<Actor>(ActorName, Context&)>;

}  // namespace raftbus
