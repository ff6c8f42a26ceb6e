#include "bus/endpoint.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>

namespace raftbus {
namespace {

constexpr std::string_view kTcp = "tcp://";

std::string next_step(int error, std::string_view endpoint) {
    switch (error) {
        case EADDRINUSE:
            if (const auto port = port_of(endpoint))
                return fmt::format(
                    "is another node running? see who holds it: ss -ltnp 'sport = :{}'", *port);
            return "is another node running?";
        case EADDRNOTAVAIL:
        case ENODEV:
            return "this machine has no such address; bind one of its own, see: ip address";
        case EACCES:
            return "ports below 1024 need privileges; take one from 1024 to 32767";
        case EINVAL:
        case EPROTONOSUPPORT:
            return "an endpoint looks like tcp://127.0.0.1:7238";
        default:
            return "check the address";
    }
}

}  // namespace

std::optional<std::uint16_t> port_of(std::string_view endpoint) {
    if (!endpoint.starts_with(kTcp)) return std::nullopt;
    const std::size_t colon = endpoint.rfind(':');
    const char* const end = endpoint.data() + endpoint.size();
    std::uint16_t port = 0;
    const auto parsed = std::from_chars(endpoint.data() + colon + 1, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end || port == 0) return std::nullopt;
    return port;
}

bool is_loopback(std::string_view endpoint) {
    if (endpoint.starts_with("ipc://") || endpoint.starts_with("inproc://")) return true;
    if (!endpoint.starts_with(kTcp)) return false;
    const std::string_view host = endpoint.substr(kTcp.size(), endpoint.rfind(':') - kTcp.size());
    const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
    return (numeric && host.starts_with("127.")) || host == "localhost" || host == "[::1]" ||
           host == "lo";
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> ephemeral_ports() {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    if (!(file >> first >> last)) return std::nullopt;
    return std::pair(first, last);
}

Result<std::string> bind_endpoint(zmq::socket_t& socket, const std::string& endpoint,
                                  std::string_view purpose, bool insecure) {
    if (!insecure && !is_loopback(endpoint))
        return Error{
            fmt::format("refused to bind {} for {}: without keys everybody who reaches this "
                        "address could read and "
                        "write; bind 127.0.0.1, or pass --insecure-bind if the network is trusted",
                        endpoint, purpose)};
    try {
        socket.bind(endpoint);
    } catch (const zmq::error_t& error) {
        return Error{fmt::format("cannot bind {} for {}: {}; {}", endpoint, purpose, error.what(),
                                 next_step(error.num(), endpoint))};
    }
    return socket.get(zmq::sockopt::last_endpoint);
}

}  // namespace raftbus
