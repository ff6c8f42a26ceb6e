#include "bus/mailbox.hpp"

#include <string>
#include <utility>

namespace raftbus {
namespace {
std::string endpoint_of(ActorName actor, bool near) {
    return "inproc://" + std::string(to_string(actor)) + (near ? ".near" : "");
}

zmq::socket_t bound_socket(zmq::context_t& context, ActorName actor, bool near) {
    zmq::socket_t socket(context, zmq::socket_type::pull);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvhwm, 0);
    socket.bind(endpoint_of(actor, near));
    return socket;
}

}  // namespace

Mailbox::Mailbox(zmq::context_t& context, ActorName actor, Deliver deliver)
    : deliver_(std::move(deliver)),
      near_(bound_socket(context, actor, true)),
      far_(bound_socket(context, actor, false)) {}

void Mailbox::expect() {
    ++near_waiting_;
    Source::set_ready(true);
}

// Said by whoever saw the descriptor, which is the far socket's, or does not know.
void Mailbox::set_ready(bool ready) {
    Source::set_ready(ready);
    far_ready_ = far_ready_ || ready;
}

bool Mailbox::take(std::size_t bound) {
    const bool more = take_near(bound);
    return take_far(bound) || more;
}

bool Mailbox::take_near(std::size_t bound) {
    for (std::size_t i = 0; i < bound && near_waiting_ > 0; ++i) {
        --near_waiting_;
        CHECK(receive_frames(near_, frames_), "what was sent in this thread is there");
        deliver_(decode_frames(frames_, 0).value());
    }
    return near_waiting_ > 0;
}

bool Mailbox::take_far(std::size_t bound) {
    if (!std::exchange(far_ready_, false)) return false;
    for (std::size_t i = 0; i < bound; ++i) {
        if (!receive_frames(far_, frames_)) return false;
        deliver_(decode_frames(frames_, 0).value());
    }
    return true;
}

Outboxes::Outboxes(zmq::context_t& context, const std::vector<ActorName>& actors,
                   const Near& near) {
    for (const ActorName actor : actors) {
        auto& socket = sockets_[static_cast<std::size_t>(actor)];
        socket.emplace(context, zmq::socket_type::push);
        socket->set(zmq::sockopt::linger, 0);
        socket->set(zmq::sockopt::sndhwm, 0);
        socket->connect(endpoint_of(actor, near(actor)));
    }
}

void Outboxes::send(ActorName to, const EncodedMessage& message) {
    auto& socket = sockets_[static_cast<std::size_t>(to)];
    CHECK(socket.has_value(), "the node has no such actor");
    append_frames(frames_, message);
    send_frames(*socket, frames_);
}

}  // namespace raftbus
