// endpoint: what can be said about an address before and while it is bound.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <zmq.hpp>

#include "messages/result.hpp"

namespace raftbus {

// The port of "tcp://host:port"; none for "*", for other transports and for what is no endpoint.
std::optional<std::uint16_t> port_of(std::string_view endpoint);
// Whether only programs of this machine reach it.
bool is_loopback(std::string_view endpoint);

// Ports that the kernel gives to outgoing connections, [first, last]; none if it does not say.
std::optional<std::pair<std::uint16_t, std::uint16_t>> ephemeral_ports();

// Binds `socket`; a host's name is looked up first, and waited for. `purpose` is for the error:
// "peers". Without `insecure` anything but loopback is refused, by the address that a name has.
// Returns the endpoint as bound, with its port where "*" was asked for.
Result<std::string> bind_endpoint(zmq::socket_t& socket, const std::string& endpoint,
                                  std::string_view purpose, bool insecure);

}  // namespace raftbus
