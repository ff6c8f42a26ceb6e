// trace_port: the node's trace as others hear it: an XPUB socket, so that subscriptions switch the
// tracing on and off. Events of other workers reach it through a mailbox of its own.
#pragma once

#include <string>
#include <zmq.hpp>

#include "bus/frames.hpp"
#include "bus/source.hpp"
#include "bus/trace_outlet.hpp"

namespace raftbus {

// The socket. Lives on the worker that owns the network.
class TracePort final : public Source, public TraceOutlet {
public:
    TracePort(zmq::context_t& context, TraceSwitch& tracing);

    zmq::socket_t& socket() { return socket_; }
    void publish(const TraceEvent& event) override;
    void publish(Frames& frames);

    // Source: subscriptions.
    int fd() const override { return socket_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;

private:
    TraceSwitch& tracing_;
    zmq::socket_t socket_;
    std::size_t subscriptions_ = 0;
    Frames frames_;
};

// Where the other workers' events come in.
class TraceInbox final : public Source {
public:
    TraceInbox(zmq::context_t& context, TracePort& port);
    int fd() const override { return socket_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;

private:
    TracePort& port_;
    zmq::socket_t socket_;
    Frames frames_;
};

// And how they leave the other workers.
class TracePush final : public TraceOutlet {
public:
    explicit TracePush(zmq::context_t& context);
    void publish(const TraceEvent& event) override;

private:
    zmq::socket_t socket_;
    Frames frames_;
};

}  // namespace raftbus
