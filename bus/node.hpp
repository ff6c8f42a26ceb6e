// node: one member of a cluster in this process: its actors, its threads and its sockets.
//
// Several nodes may live in one process; nothing is shared between them.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus.hpp"
#include "bus/config.hpp"
#include "bus/shared.hpp"
#include "bus/worker.hpp"
#include "messages/result.hpp"

namespace raftbus {

class Node {
public:
    // Binds all sockets and has the actors made, in the order of the layout. Nothing runs yet. The
    // error names the endpoint, the reason and what to do.
    static Result<std::unique_ptr<Node>> open(NodeConfig config, const ActorFactory& make);
    // Ends the threads at once if they still run; stop() and wait() are the orderly way.
    ~Node();

    // Starts the threads. To be called once.
    void start();
    // Begins the orderly stop: leadership is handed over, waiting clients are answered, within the
    // limits of the config. Safe in threads and in signal handlers.
    void stop() noexcept;
    // Returns when the node has stopped, or has failed: then false. Its sockets are closed by then.
    bool wait();

    // What its workers did last, oldest first, one line an event. From any thread.
    std::vector<std::string> recent() const;
    // Writes that to the log. Safe in threads and in signal handlers.
    void dump_recent() noexcept;

    BusCounts counts() const { return shared_.counters.read(); }
    // The endpoints as bound. Of traces empty: there are none.
    const std::string& peer_endpoint() const { return bus_->peer_endpoint(); }
    const std::string& client_endpoint() const { return bus_->client_endpoint(); }
    const std::string& trace_endpoint() const { return bus_->trace_endpoint(); }

private:
    Node(NodeConfig config, std::uint64_t seed, std::uint64_t incarnation);
    Status assemble(const ActorFactory& make);
    Worker& network_worker() { return *workers_.front(); }
    void on_woken();
    void fail(const Failure& failure);
    void end_workers() noexcept;
    void log_recent(std::size_t lines_max) const;

    // Destroyed from the bottom up: the actors with their workers, the context of all sockets last.
    Shared shared_;
    std::atomic<bool> stop_asked_{false};
    std::atomic<bool> dump_asked_{false};
    std::vector<std::unique_ptr<PeerOutlet>> peer_outlets_;
    std::vector<std::unique_ptr<TraceOutlet>> trace_outlets_;
    std::vector<std::unique_ptr<Worker>> workers_;
    Bus* bus_ = nullptr;  // served by the first worker
    bool joined_ = false;
};

}  // namespace raftbus
