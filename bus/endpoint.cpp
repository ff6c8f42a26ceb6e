#include "bus/endpoint.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include <charconv>
#include <fstream>

#include "bus/resolver.hpp"
#include "messages/endpoint.hpp"

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
            return "this machine has no such address: bind one of its own, see: ip address; if "
                   "others "
                   "reach it at another one, say both, with --peer-bind or --client-bind";
        case EACCES:
            return "ports below 1024 need privileges; take one from 1024 to 32767";
        case EINVAL:
        case EPROTONOSUPPORT:
            return "an endpoint looks like tcp://127.0.0.1:7238";
        default:
            return "check the address";
    }
}

bool is_interface(const std::string& name) {
    return if_nametoindex(name.c_str()) != 0;
}

// libzmq binds numeric addresses and interfaces; a host's name is looked up here. Of several
// addresses the first counts: that of this machine in its hosts file, as a rule.
Result<std::string> numeric_bind(const std::string& text) {
    const bool any_port = text.starts_with(kTcp) && text.ends_with(":*");
    const std::string parsed = any_port ? text.substr(0, text.size() - 1) + "1" : text;
    if (!text.starts_with(kTcp)) return text;
    const auto endpoint = parse_endpoint(parsed);
    if (!endpoint) return endpoint.error();
    if (endpoint->kind != HostKind::name || is_interface(endpoint->host)) return text;
    const Resolved resolved = resolve_host(endpoint->host);
    if (resolved.addresses.empty())
        return Error{fmt::format(
            "{} is not known: {}; name an address of this machine, or where it listens: "
            "--peer-bind, --client-bind",
            endpoint->host, resolved.fault)};
    const std::string numeric = Endpoint{resolved.addresses.front(), endpoint->port}.text();
    return any_port ? numeric.substr(0, numeric.rfind(':')) + ":*" : numeric;
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

bool is_loopback(std::string_view text) {
    if (text.starts_with("ipc://") || text.starts_with("inproc://")) return true;
    if (!text.starts_with(kTcp)) return false;
    const std::string_view host = text.substr(kTcp.size(), text.rfind(':') - kTcp.size());
    const auto kind = host_kind(host);
    if (!kind) return false;
    return (*kind == HostKind::ipv4 && host.starts_with("127.")) || host == "localhost" ||
           host == "[::1]" || host == "lo";
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
    const auto numeric = numeric_bind(endpoint);
    if (!numeric)
        return Error{
            fmt::format("cannot bind {} for {}: {}", endpoint, purpose, numeric.error().message)};
    if (!insecure && !is_loopback(*numeric))
        return Error{
            fmt::format("refused to bind {} for {}: without keys everybody who reaches this "
                        "address could read and "
                        "write; bind 127.0.0.1, or pass --insecure-bind if the network is trusted",
                        endpoint, purpose)};
    try {
        socket.set(zmq::sockopt::ipv6, numeric->find('[') != std::string::npos);
        socket.bind(*numeric);
    } catch (const zmq::error_t& error) {
        return Error{fmt::format("cannot bind {} for {}: {}; {}", endpoint, purpose, error.what(),
                                 next_step(error.num(), endpoint))};
    }
    return socket.get(zmq::sockopt::last_endpoint);
}

}  // namespace raftbus
