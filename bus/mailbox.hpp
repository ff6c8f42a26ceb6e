// mailbox: an actor's inproc socket, and the way into all of them.
//
// A message is a head frame and its bodies (messages/codec.hpp). Mailboxes have no high-water mark:
// a bound there would make two actors that are full of each other's messages wait for ever. What
// may wait is bounded by the actors' own credits.
#pragma once

#include <array>
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

    int fd() const override { return socket_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;

private:
    Deliver deliver_;
    zmq::socket_t socket_;
    Frames frames_;
};

// One worker's sockets to the mailboxes of the node's actors.
class Outboxes {
public:
    Outboxes(zmq::context_t& context, const std::vector<ActorName>& actors);

    void send(ActorName to, const EncodedMessage& message);

private:
    std::array<std::optional<zmq::socket_t>, kActorCount> sockets_;
    Frames frames_;
};

}  // namespace raftbus
