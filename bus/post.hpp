// post: where a worker's messages go.
//
// Within the node every message goes to the receiver's mailbox, also when the receiver is served by
// the same thread. Two kinds skip it when gateway and bus are on one worker, and stay values, since
// they are one message for each of a client's: ClientRequests and ClientReplies. They can overtake
// other messages between these two.
#pragma once

#include "bus/mailbox.hpp"
#include "bus/shared.hpp"

namespace raftbus {

// The worker, as its post sees it.
class LocalActors {
public:
    virtual ~LocalActors() = default;
    virtual bool serves(ActorName actor) const = 0;
    // Handles the message at once. The actor must be served here and not be handling another.
    // False: it comes from outside, and the actor takes no messages of that type.
    virtual bool deliver(const Envelope& envelope, const AnyMessage& message) = 0;
    // Something has been put into the mailbox of that actor, which is served here.
    virtual void expect(ActorName actor) = 0;
};

// The way to other nodes.
class PeerOutlet {
public:
    virtual ~PeerOutlet() = default;
    // Never blocks; a message that cannot be sent now is dropped.
    virtual void send(NodeId peer, const EncodedMessage& message) = 0;
};

class Post {
public:
    Post(Shared& shared, LocalActors& local)
        : shared_(shared),
          local_(local),
          outboxes_(shared.zmq, shared.actors,
                    [&local](ActorName actor) { return local.serves(actor); }) {}

    // Must be called before anything is sent to another node.
    void set_peers(PeerOutlet& peers) { peers_ = &peers; }

    void send(const Envelope& envelope, const AnyMessage& message);
    // To an actor of this node from one of another. False: it is served here and takes no messages
    // of that type.
    bool take_from_peer(const Delivery& delivery);

private:
    bool stays_a_value(const Envelope& envelope, const AnyMessage& message) const;

    Shared& shared_;
    LocalActors& local_;
    Outboxes outboxes_;
    PeerOutlet* peers_ = nullptr;
};

// The way to other nodes from a worker without network sockets: through the one that has them.
class PeerPush final : public PeerOutlet {
public:
    explicit PeerPush(zmq::context_t& context);
    void send(NodeId peer, const EncodedMessage& message) override;

private:
    zmq::socket_t socket_;
    Frames frames_;
};

// Its other end.
class PeerInbox final : public Source {
public:
    // In `message`, frame 0 is room for the preamble.
    using Forward = std::function<void(NodeId, Frames& message)>;
    PeerInbox(zmq::context_t& context, Forward forward);
    int fd() const override { return socket_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;

private:
    Forward forward_;
    zmq::socket_t socket_;
    Frames frames_;
};

}  // namespace raftbus
