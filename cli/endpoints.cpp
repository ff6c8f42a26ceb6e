#include "cli/endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/options.hpp"

namespace raftbus::cli {
namespace {

constexpr std::string_view kScheme = "tcp://";

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<std::uint16_t> parse_port(std::string_view text) {
    const auto port = number_from(text);
    if (!port || *port == 0 || *port > 65535) {
        return Error{fmt::format("\"{}\" is not a port from 1 to 65535", text)};
    }
    return static_cast<std::uint16_t>(*port);
}

// Where the host ends: at the last colon that is not inside an IPv6 address.
std::size_t host_end(std::string_view text) {
    const std::size_t bracket = text.rfind(']');
    const std::size_t colon = text.rfind(':');
    const bool inside = bracket != std::string_view::npos && colon < bracket;
    return colon == std::string_view::npos || inside ? text.size() : colon;
}

bool plausible_host(std::string_view host) {
    return !host.empty() && host.find_first_of(" /,;\t") == std::string_view::npos;
}

bool any_interface(std::string_view host) {
    return host == "0.0.0.0" || host == "*" || host == "[::]";
}

}  // namespace

std::string TcpEndpoint::text() const {
    return fmt::format("{}{}:{}", kScheme, host, port);
}

Result<TcpEndpoint> parse_tcp(std::string_view text) {
    if (!text.starts_with(kScheme)) {
        return Error{fmt::format("\"{}\" does not begin with tcp://", text)};
    }
    const std::string_view rest = text.substr(kScheme.size());
    const std::size_t end = host_end(rest);
    if (end == rest.size()) return Error{fmt::format("\"{}\" names no port", text)};
    if (!plausible_host(rest.substr(0, end)))
        return Error{fmt::format("\"{}\" names no host", text)};
    const auto port = parse_port(rest.substr(end + 1));
    if (!port) return port.error();
    return TcpEndpoint{std::string(rest.substr(0, end)), *port};
}

Result<std::vector<std::string>> parse_endpoints(std::string_view text) {
    std::vector<std::string> endpoints;
    std::string host = "127.0.0.1";
    for (std::string item : split(text, ',')) {
        item.erase(0, item.find_first_not_of(' '));
        item.erase(item.find_last_not_of(' ') + 1);
        std::string_view rest = item;
        if (rest.starts_with(kScheme)) rest.remove_prefix(kScheme.size());
        std::uint16_t port = kClientPort;
        const bool port_alone = all_digits(rest);
        const std::size_t end = port_alone ? 0 : host_end(rest);
        if (end != 0) host = rest.substr(0, end);
        if (port_alone || end < rest.size()) {
            const auto parsed = parse_port(port_alone ? rest : rest.substr(end + 1));
            if (!parsed) return parsed.error();
            port = *parsed;
        }
        if (!plausible_host(host)) return Error{fmt::format("\"{}\" is not host:port", item)};
        const std::string endpoint = TcpEndpoint{host, port}.text();
        if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end()) {
            endpoints.push_back(endpoint);
        }
    }
    if (endpoints.empty()) return Error{"the list of endpoints is empty"};
    return endpoints;
}

std::string reachable(std::string_view endpoint, std::string_view seen_at) {
    const auto bound = parse_tcp(endpoint);
    const auto seen = parse_tcp(seen_at);
    if (!bound || !seen || !any_interface(bound->host)) return std::string(endpoint);
    return TcpEndpoint{seen->host, bound->port}.text();
}

std::string short_form(std::string_view endpoint) {
    if (endpoint.starts_with(kScheme)) endpoint.remove_prefix(kScheme.size());
    return std::string(endpoint);
}

}  // namespace raftbus::cli
