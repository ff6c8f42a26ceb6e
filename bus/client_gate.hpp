// client_gate: who of the clients may connect: as many as there is room for.
//
// Owns: the answers to libzmq's question for each connection (ZAP, rfc.zeromq.org/spec/27) and the
// monitor of the clients' socket, from which connections are counted. Must not know: what clients
// say.
//
// Connections are open files. Before the last of them is used up the port is closed until some have
// left; the ones that stand are served on.
//
// Who is too many is told to come again (status 300): a ZeroMQ client goes on trying by itself, and
// is served when another one has left. After a plain refusal (400) it would never try again.
#pragma once

#include <functional>
#include <string_view>
#include <zmq.hpp>

#include "bus/config.hpp"
#include "bus/connection_count.hpp"
#include "bus/frames.hpp"
#include "bus/node_log.hpp"
#include "bus/source.hpp"

namespace raftbus {

class ClientGate {
public:
    ClientGate(zmq::context_t& context, const ClientPortOptions& options, Complaints& complaints);

    // Puts itself before a socket, which is not bound yet.
    void guard(zmq::socket_t& socket);
    // A message came in: who sent it is served.
    void heard(const zmq::message_t& frame);
    std::vector<Source*> sources() { return {&questions_, &events_}; }
    // To be called every now and then: opens the port again once there is room.
    void look(Moment now);
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
    void on_disconnected(int fd, Moment now);
    void shut(Moment now, std::string_view why);

    const std::size_t max_;
    const std::size_t accepted_max_;
    const std::size_t reopened_at_;  // so few accepted connections, or less
    Complaints& complaints_;
    ConnectionCount count_;
    Inlet questions_;
    Inlet events_;
    zmq::socket_t* guarded_ = nullptr;
    int listener_ = -1;  // libzmq's descriptor of the port
    bool shut_ = false;
    bool failed_ = false;           // a handshake, whose connection's end is told next
    std::size_t shaken_hands_ = 0;  // connections that stand
};

}  // namespace raftbus
