// shared: what all workers of one node use together. Everything in it is either constant once the
// node runs, or safe in threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>
#include <zmq.hpp>

#include "bus/config.hpp"
#include "bus/job_runner.hpp"
#include "bus/node_log.hpp"
#include "bus/trace_outlet.hpp"

namespace raftbus {

// What the bus did and threw away, since the node started.
struct BusCounts {
    std::uint64_t peer_sent = 0;         // messages to peers
    std::uint64_t peer_unsent = 0;       // no connection, or its queue was full
    std::uint64_t peer_received = 0;     // messages taken from peers
    std::uint64_t peer_refused = 0;      // from senders who have no business here
    std::uint64_t peer_malformed = 0;    // that no peer of ours would send
    std::uint64_t client_received = 0;   // messages of clients
    std::uint64_t client_malformed = 0;  // among them those without one body after an empty frame
    std::uint64_t client_unsent = 0;     // replies to clients that are gone or do not read
};

// The same, while it is counted.
class Counter {
public:
    void add() { value_.fetch_add(1, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};
struct BusCounters {
    Counter peer_sent, peer_unsent, peer_received, peer_refused, peer_malformed;
    Counter client_received, client_malformed, client_unsent;

    BusCounts read() const {
        return {peer_sent.value(),        peer_unsent.value(),    peer_received.value(),
                peer_refused.value(),     peer_malformed.value(), client_received.value(),
                client_malformed.value(), client_unsent.value()};
    }
};

// An exception that got out of an actor, or of the bus itself.
struct Failure {
    ActorName actor = ActorName::bus;
    std::string state;  // Actor::describe()
    std::string what;
};

struct Shared {
    using Fail = std::function<void(const Failure&)>;

    Shared(NodeConfig config_, std::uint64_t seed_, std::uint64_t incarnation_, Fail fail_)
        : config(std::move(config_)),
          seed(seed_),
          incarnation(incarnation_),
          log(config.id, config.logger),
          fail(std::move(fail_)),
          jobs(zmq, [this](ActorName actor, const std::exception& error) {
              fail({actor, "background job", error.what()});
          }) {
        for (const WorkerSpec& worker : config.layout)
            actors.insert(actors.end(), worker.actors.begin(), worker.actors.end());
        actors.push_back(ActorName::bus);
        // Each link takes three, and a log of an older release may name more members than are added
        // today. libzmq's own default is 1,023.
        constexpr int kSocketsMax = 16'384;
        zmq_ctx_set(zmq.handle(), ZMQ_MAX_SOCKETS, kSocketsMax);
        const std::vector<int>& cpus = config.threads.cpus;  // libzmq's thread comes after ours
        if (!cpus.empty())
            zmq_ctx_set(zmq.handle(), ZMQ_THREAD_AFFINITY_CPU_ADD,
                        cpus[config.layout.size() % cpus.size()]);
    }

    Address address(ActorName actor) const { return {config.id, actor}; }

    const NodeConfig config;
    const std::uint64_t seed;
    const std::uint64_t incarnation;
    std::vector<ActorName> actors;  // all that the node has, the bus's end included
    const NodeLog log;
    TraceSwitch tracing;
    BusCounters counters;
    std::atomic<bool> failed{false};  // once set, no message of any actor leaves the process
    const Fail fail;
    zmq::context_t zmq;
    JobRunner jobs;
};

}  // namespace raftbus
