// peer_port: where peers' messages come in: one ROUTER for all of them.
//
// Owns: the checks that stand between the network and the actors. What passes them is a message of
// a member of this cluster to an actor of this node, of a type that is taken from peers. Everything
// else is dropped, counted and logged at most once a second; a sender with no business here is told
// why. Peers set no routing id: who speaks is a field of the preamble (two nodes with one routing
// id would silently displace each other).
#pragma once

#include <zmq.hpp>

#include "bus/frames.hpp"
#include "bus/node_log.hpp"
#include "bus/peer_admission.hpp"
#include "bus/post.hpp"
#include "bus/source.hpp"

namespace raftbus {

class PeerPort final : public Source {
public:
    // A node that is no member, as far as this one knows, has been let in.
    using OnGuest = std::function<void(const Member& guest)>;
    // A peer's process was heard for the first time.
    using OnPeer = std::function<void(const PeerSpeaks& speaks)>;
    PeerPort(Shared& shared, Complaints& complaints, OnGuest on_guest, OnPeer on_peer);

    zmq::socket_t& socket() { return socket_; }
    void set_post(Post& post) { post_ = &post; }
    PeerAdmission& admission() { return admission_; }

    int fd() const override { return socket_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;

private:
    void take_message(Moment now);
    void take_admitted(const Preamble& preamble, Moment now);
    void refuse(RefusalCause cause, const Preamble& preamble, Moment now);
    bool answer_client();
    void complain(const std::string& cause, const std::string& text, Moment now);

    Shared& shared_;
    Complaints& complaints_;
    OnGuest on_guest_;
    OnPeer on_peer_;
    PeerAdmission admission_;
    zmq::socket_t socket_;
    Post* post_ = nullptr;
    Frames frames_;
};

}  // namespace raftbus
