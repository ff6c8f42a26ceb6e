#include "bus/post.hpp"

#include <cstring>

namespace raftbus {
namespace {
constexpr const char* kPeerInbox = "inproc://peers";
}

bool Post::stays_a_value(const Envelope& envelope, const AnyMessage& message) const {
    if (!local_.serves(envelope.to.actor)) return false;
    return std::holds_alternative<ClientRequests>(message) ||
           std::holds_alternative<ClientReplies>(message) ||
           std::holds_alternative<StreamReplies>(message);
}

void Post::send(const Envelope& envelope, const AnyMessage& message) {
    const NodeId node = envelope.to.node;
    if (node != shared_.config.id) {
        CHECK(from_peers_too(message.index()), "a message for inside the node only");
        CHECK(peers_ != nullptr);
        peers_->send(node, encode(envelope, message));
    } else if (stays_a_value(envelope, message)) {
        local_.deliver(envelope, message);
    } else {
        outboxes_.send(envelope.to.actor, encode(envelope, message));
        if (local_.serves(envelope.to.actor)) local_.expect(envelope.to.actor);
    }
}

bool Post::take_from_peer(const Delivery& delivery) {
    const auto& [envelope, message] = delivery;
    if (local_.serves(envelope.to.actor)) return local_.deliver(envelope, message);
    outboxes_.send(envelope.to.actor, encode(envelope, message));
    return true;
}

PeerPush::PeerPush(zmq::context_t& context) : socket_(context, zmq::socket_type::push) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::sndhwm, 0);
    socket_.connect(kPeerInbox);
}

void PeerPush::send(NodeId peer, const EncodedMessage& message) {
    frames_.push_back(zmq::message_t(&peer.value, sizeof peer.value));
    append_frames(frames_, message);
    send_frames(socket_, frames_);
}

PeerInbox::PeerInbox(zmq::context_t& context, Forward forward)
    : forward_(std::move(forward)), socket_(context, zmq::socket_type::pull) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, 0);
    socket_.bind(kPeerInbox);
}

bool PeerInbox::take(std::size_t bound) {
    for (std::size_t i = 0; i < bound; ++i) {
        if (!receive_frames(socket_, frames_)) return false;
        NodeId peer;
        CHECK(frames_[0].size() == sizeof peer.value);
        std::memcpy(&peer.value, frames_[0].data(), sizeof peer.value);
        forward_(peer, frames_);
    }
    return true;
}

}  // namespace raftbus
