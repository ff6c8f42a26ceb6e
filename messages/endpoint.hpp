// endpoint: the one parser of addresses, "tcp://HOST:PORT". Every address that enters a node passes
// it: options, configuration files, changes of the members, what peers and other nodes say.
//
// Owns: what may stand there, as strict as libzmq or stricter, and the words for what may not.
// Pure. Must not know: sockets, name servers, whether anybody answers at the address.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/result.hpp"

namespace raftbus {

enum class HostKind : std::uint8_t {
    ipv4,  // "10.0.0.4"
    ipv6,  // "[::1]", "[fe80::1%eth0]"
    name,  // "db1.example"; when it is bound, an interface's name, too
    any    // "*", "0.0.0.0" or "[::]": all addresses of a machine; only to be bound
};

struct Endpoint {
    std::string host;  // an IPv6 address keeps its brackets
    std::uint16_t port = 0;
    HostKind kind = HostKind::name;

    std::string text() const;  // "tcp://HOST:PORT"
    bool operator==(const Endpoint&) const = default;
};

// What the host of an endpoint is. The error says why it is no host; it does not repeat the text.
Result<HostKind> host_kind(std::string_view host);

// An address that is bound, or connected to. At most 255 letters. The error names the text and the
// cause.
Result<Endpoint> parse_endpoint(std::string_view text);

// The same for one that other nodes connect to. The error of an address of all interfaces, too.
Result<Endpoint> parse_reachable(std::string_view text);

}  // namespace raftbus
