// peer_link: the connection to one peer, outwards: a DEALER and its monitor.
//
// Owns: the socket's options, what is known of the connection, and the socket's exchange when
// libzmq has given it up. Must not know: what it carries.
//
// The address that it connects to is numeric: names are somebody else's (peer_links). Nothing that
// libzmq refuses gets out of here but as zmq::error_t of the two calls that make a socket.
//
// libzmq reconnects by itself, but a connection that ended in a protocol error is never tried again
// (libzmq issue 4196), so that socket is closed and made anew. So is one that shows no life at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <zmq.hpp>

#include "bus/config.hpp"
#include "bus/frames.hpp"
#include "bus/source.hpp"

namespace raftbus {

// What a link has to tell.
class LinkEvents {
public:
    virtual ~LinkEvents() = default;
    virtual void on_peer_up(NodeId peer) = 0;
    virtual void on_peer_lost(NodeId peer) = 0;
    // The other end answered, which peers do only to refuse: `frames` is what it said.
    virtual void on_peer_answer(NodeId peer, const Frames& frames) = 0;
};

class PeerLink final : public Source {
public:
    // `address`: where to connect, tcp://ADDRESS:PORT. `number`: no other link of this node has had
    // it; it names the monitor. Throws zmq::error_t.
    PeerLink(zmq::context_t& context, const Member& peer, std::string address,
             const LinkOptions& options, std::string preamble, LinkEvents& events,
             std::uint64_t number);
    ~PeerLink() override;

    const Member& peer() const { return peer_; }
    void set_preamble(std::string preamble) { preamble_ = std::move(preamble); }
    bool up() const { return up_; }
    const std::string& address() const { return address_; }
    // Takes effect with the next rebuild().
    void set_address(std::string address) { address_ = std::move(address); }
    // Why it is not up, as far as the monitor tells; empty while nothing has failed.
    std::string_view trouble() const { return up_ ? std::string_view{} : trouble_; }

    // Sends at once or not at all. Frame 0 is room for the preamble. Leaves `message` empty.
    SendResult send(Frames& message);

    // Hears answers. True: the socket is dead and wants rebuild().
    bool check(Moment now);
    // Closes the socket and makes a new one; fd() changes. Throws zmq::error_t; then it is closed.
    void rebuild(Moment now);
    // Closes the socket for good.
    void close();
    // The same, and tells of it if the connection stood.
    void end() {
        close();
        lose();
    }

    // Source: the monitor.
    int fd() const override { return monitor_.get(zmq::sockopt::fd); }
    bool take(std::size_t bound) override;

private:
    void open();
    void hear_answers();
    void on_monitor_event(std::uint16_t event);
    void lose();
    std::string_view connect_trouble() const;

    zmq::context_t& context_;
    const Member peer_;
    std::string address_;
    const LinkOptions options_;
    std::string preamble_;
    LinkEvents& events_;
    zmq::socket_t socket_;
    zmq::socket_t monitor_;
    const std::uint64_t number_;
    std::uint64_t built_ = 0;  // how often: names the monitor, too
    bool up_ = false;          // the handshake has succeeded and nothing broke since
    bool failed_ = false;      // libzmq will not try again
    bool stirred_ = true;      // the monitor spoke since the last check
    Moment last_sign_;         // at the last check that found it up or stirred
    std::string_view trouble_;  // what went wrong last
    std::optional<Moment> connecting_;  // since when TCP tries; none: it does not
    bool closed_ = false;               // an attempt ended since the last one was announced
};

}  // namespace raftbus
