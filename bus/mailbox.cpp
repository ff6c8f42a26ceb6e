#include "bus/mailbox.hpp"

#include <string>

namespace raftbus {
namespace {
std::string endpoint_of(ActorName actor) {
    return "inproc://" + std::string(to_string(actor));
}
}  // namespace

Mailbox::Mailbox(zmq::context_t& context, ActorName actor, Deliver deliver)
    : deliver_(std::move(deliver)), socket_(context, zmq::socket_type::pull) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, 0);
    socket_.bind(endpoint_of(actor));
}

bool Mailbox::take(std::size_t bound) {
    for (std::size_t i = 0; i < bound; ++i) {
        if (!receive_frames(socket_, frames_)) return false;
        deliver_(decode_frames(frames_, 0).value());
    }
    return true;
}

Outboxes::Outboxes(zmq::context_t& context, const std::vector<ActorName>& actors) {
    for (const ActorName actor : actors) {
        auto& socket = sockets_[static_cast<std::size_t>(actor)];
        socket.emplace(context, zmq::socket_type::push);
        socket->set(zmq::sockopt::linger, 0);
        socket->set(zmq::sockopt::sndhwm, 0);
        socket->connect(endpoint_of(actor));
    }
}

void Outboxes::send(ActorName to, const EncodedMessage& message) {
    auto& socket = sockets_[static_cast<std::size_t>(to)];
    CHECK(socket.has_value(), "the node has no such actor");
    append_frames(frames_, message);
    send_frames(*socket, frames_);
}

}  // namespace raftbus
