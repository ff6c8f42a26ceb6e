// client_port: where clients connect: a ROUTER of their own.
//
// Owns: framing, and that no client can make the node wait. Must not know: what the bodies say;
// even the answer to a message without a body is the gateway's.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "bus/client_gate.hpp"
#include "bus/frames.hpp"
#include "bus/node_log.hpp"
#include "bus/shared.hpp"
#include "bus/source.hpp"

namespace raftbus {

// Routes that were made lately: most requests come by one of them.
class RouteCache {
public:
    SharedBytes shared(std::string_view packed);

private:
    static constexpr std::size_t kBytesMax = 64;  // of one; longer ones are not kept
    std::array<SharedBytes, 256> kept_;           // by hash
};

class ClientPort final : public Source {
public:
    using Deliver = std::function<void(ClientRequests)>;
    ClientPort(Shared& shared, Complaints& complaints, Deliver deliver);

    zmq::socket_t& socket() { return socket_; }
    // Sends each frame's body along its route. What cannot be sent at once is dropped and counted:
    // the client is gone, or has let too many replies wait.
    void reply(const ClientReplies& replies);
    // What clients have taken of long replies since the last call: what has left this process, or
    // was dropped. Short ones are bounded by their number.
    RepliesTaken taken();
    // Some long reply has not been taken yet.
    bool waits_for_readers() const { return !unread_.empty(); }
    ClientGate& gate() { return gate_; }
    // Sends each stream's frames in order, and no more of it after the first that cannot be sent at
    // once. That one is not lost: who asked is told.
    StreamsTaken send_streams(const StreamReplies& replies);

    int fd() const override { return socket_.get(zmq::sockopt::fd); }
    // Takes bursts by its own measure, whatever `bound` says.
    bool take(std::size_t bound) override;

private:
    void add_request(std::vector<ClientFrame>& requests, bool whole);
    ClientFault fault(bool whole, bool delimited, std::size_t body) const;
    void share_short_bodies(std::vector<ClientFrame>& requests);
    SendResult send(const SharedBytes& route, zmq::message_t body);
    SendResult send(const StreamFrame& frame);
    zmq::message_t body_frame(const ClientFrame& reply);
    void forget_taken_streams();

    struct Unread {
        std::shared_ptr<std::atomic<std::uint64_t>> taken;  // counted by libzmq's threads
        std::uint64_t given = 0;
        std::uint64_t told = 0;  // of `taken`
        std::uint64_t left() const { return given - taken->load(std::memory_order_relaxed); }
    };
    using ByConnection = std::map<std::string, Unread, std::less<>>;
    static Unread& unread_of(ByConnection& all, const SharedBytes& route);

    Shared& shared_;
    Complaints& complaints_;
    Deliver deliver_;
    ClientGate gate_;
    zmq::socket_t socket_;
    ByConnection unread_;   // of replies
    ByConnection streams_;  // of long messages that nobody asked for one by one
    std::uint64_t streams_left_ = 0;  // of them, as of the last burst
    RouteCache routes_;
    std::string packed_;          // the route of the request at hand, kept for its memory
    std::size_t last_burst_ = 0;  // how many requests it had

    // Short bodies of a burst lie in one piece of memory, which all of them share: none of them is
    // to be kept for long.
    struct Short {
        std::size_t request;  // in the burst
        std::size_t begin;    // of its body
    };
    std::string short_bytes_;
    std::vector<Short> short_bodies_;
    Frames incoming_;
    Frames outgoing_;
};

}  // namespace raftbus
