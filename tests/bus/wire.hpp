// wire: the other side of a node's ports, in a test's hands: a ZeroMQ socket, or a bare TCP one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

namespace raftbus::testing {

// A DEALER or a REQ that waits a bounded time for what it receives.
class Wire {
public:
    Wire(zmq::socket_type type, const std::string& endpoint);

    void send(const std::vector<std::string>& frames);
    // The next message; none if it does not come.
    std::optional<std::vector<std::string>> receive();
    zmq::socket_t& socket() { return socket_; }

private:
    zmq::context_t context_;
    zmq::socket_t socket_;
};

// Connects to 127.0.0.1, writes the bytes, and closes.
void write_tcp(std::uint16_t port, std::string_view bytes);

}  // namespace raftbus::testing
