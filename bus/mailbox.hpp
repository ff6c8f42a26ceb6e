// mailbox: an actor's inproc sockets, and the way into all of them.
//
// A message is a head frame and its bodies (messages/codec.hpp). Mailboxes have no high-water mark:
// a bound there would make two actors that are full of each other's messages wait for ever. What
// may wait is bounded by the actors' own credits.
//
// An actor has two sockets: a far one for the senders of other threads, which wakes its thread, and
// a near one for those of its own. What is sent there is counted, and exactly as many messages are
// received: so libzmq never finds that queue empty, sees no reason to wake anybody for the next
// one, and a message between neighbours costs no system call.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>
#include <zmq.hpp>

#include "bus/frames.hpp"
#include "bus/source.hpp"

namespace raftbus {

class Mailbox final : public Source {
public:
    using Deliver = std::function<void(const Delivery&)>;
    Mailbox(zmq::context_t& context, ActorName actor, Deliver deliver);

    int fd() const override { return far_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;
    void set_ready(bool ready) override;

    // A message was sent to the near socket. In the thread that takes.
    void expect();

private:
    bool take_near(std::size_t bound);
    bool take_far(std::size_t bound);

    Deliver deliver_;
    zmq::socket_t near_;
    zmq::socket_t far_;
    std::uint64_t near_waiting_ = 0;
    bool far_ready_ = true;  // something may have come there
    Frames frames_;
};

// One worker's sockets to the mailboxes of the node's actors.
class Outboxes {
public:
    // `near`: which of the actors live on the same worker.
    using Near = std::function<bool(ActorName)>;
    Outboxes(zmq::context_t& context, const std::vector<ActorName>& actors, const Near& near);

    void send(ActorName to, const EncodedMessage& message);

private:
    std::array<std::optional<zmq::socket_t>, kActorCount> sockets_;
    Frames frames_;
};

}  // namespace raftbus
