// client_gate: who of the clients may connect: as many as there is room for.
//
// Owns: the answers to libzmq's question for each connection (ZAP, rfc.zeromq.org/spec/27) and the
// monitor of the clients' socket, from which connections are counted. Must not know: what clients
// say.
//
// Who is too many is told to come again (status 300): a ZeroMQ client goes on trying by itself, and
// is served when another one has left. After a plain refusal (400) it would never try again.
#pragma once

#include <functional>
#include <zmq.hpp>

#include "bus/connection_count.hpp"
#include "bus/frames.hpp"
#include "bus/node_log.hpp"
#include "bus/source.hpp"

namespace raftbus {

class ClientGate {
public:
    ClientGate(zmq::context_t& context, std::size_t connections_max, Complaints& complaints);

    // Puts itself before a socket, which is not bound yet.
    void guard(zmq::socket_t& socket);
    // A message came in: who sent it is served.
    void heard(const zmq::message_t& frame);
    std::vector<Source*> sources() { return {&questions_, &events_}; }
    // As of now.
    ConnectionCount& count() { return count_; }
    void close();

private:
    // A socket of ours whose messages go to a function.
    class Inlet final : public Source {
    public:
        using Take = std::function<void(zmq::socket_t&, Frames&)>;
        Inlet(zmq::context_t& context, zmq::socket_type type, Take take);
        zmq::socket_t& socket() { return socket_; }
        int fd() const override { return socket_.get(zmq::sockopt::fd); }
        bool take(std::size_t bound) override;

    private:
        zmq::socket_t socket_;
        Take take_;
        Frames frames_;
    };

    void answer(zmq::socket_t& socket, const Frames& question);
    void on_event(const Frames& event);

    const std::size_t max_;
    Complaints& complaints_;
    ConnectionCount count_;
    Inlet questions_;
    Inlet events_;
    zmq::socket_t* guarded_ = nullptr;
};

}  // namespace raftbus
