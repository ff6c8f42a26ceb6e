#include "cli/endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

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

}  // namespace

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
        const auto kind = host_kind(host);
        if (!kind)
            return Error{fmt::format("\"{}\" is not host:port: {}", item, kind.error().message)};
        if (*kind == HostKind::any)
            return Error{fmt::format("\"{}\" names all addresses of a machine: say one", item)};
        const std::string endpoint = Endpoint{host, port, *kind}.text();
        if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end()) {
            endpoints.push_back(endpoint);
        }
    }
    if (endpoints.empty()) return Error{"the list of endpoints is empty"};
    return endpoints;
}

std::string reachable(std::string_view endpoint, std::string_view seen_at) {
    const auto bound = parse_endpoint(endpoint);
    const auto seen = parse_endpoint(seen_at);
    if (!bound || !seen || bound->kind != HostKind::any) return std::string(endpoint);
    return Endpoint{seen->host, bound->port, seen->kind}.text();
}

std::string advice_when_unreachable() {
    std::error_code ignored;
    if (std::filesystem::exists("launch/cluster.sh", ignored))
        return "start a cluster with launch/cluster.sh up, or say where it is with --endpoints";
    return "--endpoints HOST:PORT says where a node listens for clients (its --client, by default "
           "port 7238); raftbus node --help starts one";
}

std::string short_form(std::string_view endpoint) {
    if (endpoint.starts_with(kScheme)) endpoint.remove_prefix(kScheme.size());
    return std::string(endpoint);
}

}  // namespace raftbus::cli
