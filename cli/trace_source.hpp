// trace_source: the events that nodes publish, as they come in.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "messages/trace.hpp"

namespace raftbus::cli {

class TraceSource {
public:
    TraceSource();

    // Subscribes to everything at the endpoint; again, whenever the node comes back. Does nothing
    // if that was done already. Effective only when the first event arrives.
    void connect(const std::string& endpoint);
    bool connected_anywhere() const { return !endpoints_.empty(); }

    // Waits at most `patience` for something to come in, then returns all that is there. Frames
    // that are no events are skipped. Returns early, perhaps with nothing, on a signal.
    std::vector<TraceEvent> receive(std::chrono::milliseconds patience);

private:
    zmq::context_t context_;
    zmq::socket_t subscriber_;
    std::set<std::string> endpoints_;
};

}  // namespace raftbus::cli
