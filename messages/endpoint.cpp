#include "messages/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace raftbus {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kHint = "; write tcp://HOST:PORT";
constexpr std::size_t kEndpointBytesMax = 255;
constexpr std::size_t kLabelBytesMax = 63;
constexpr std::size_t kZoneBytesMax = 15;  // an interface's name

bool letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool all_of(std::string_view text, std::string_view others) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return letter_or_digit(c) || others.find(c) != std::string_view::npos;
    });
}

// Letters that are printed as they are.
std::string quoted(std::string_view text) {
    std::string safe;
    for (const char c : text.substr(0, kEndpointBytesMax)) safe += c >= ' ' && c <= '~' ? c : '?';
    return "'" + safe + "'";
}

template <int family>
bool numeric(std::string_view text) {
    unsigned char address[16];
    return inet_pton(family, std::string(text).c_str(), address) == 1;
}

Result<HostKind> ipv6_kind(std::string_view host) {
    std::string_view address = host.substr(1, host.size() - 2);
    const std::size_t percent = address.find('%');
    if (percent != std::string_view::npos) {
        const std::string_view zone = address.substr(percent + 1);
        if (zone.empty() || zone.size() > kZoneBytesMax || !all_of(zone, "-_."))
            return Error{"what follows its % is not the name of an interface"};
        address = address.substr(0, percent);
    }
    if (!numeric<AF_INET6>(address)) return Error{"what its brackets hold is not an IPv6 address"};
    const bool any = address.find_first_not_of("0:") == std::string_view::npos;
    return any ? HostKind::any : HostKind::ipv6;
}

// RFC 1123, and the underscore, which some name services know.
Result<HostKind> name_kind(std::string_view host) {
    if (!all_of(host, "-_.")) {
        const auto bad = std::find_if(host.begin(), host.end(), [](char c) {
            return !all_of({&c, 1}, "-_.");
        });
        return Error{"its host holds " + quoted({&*bad, 1}) + ", which no host's name has"};
    }
    if (!letter_or_digit(host.front()))
        return Error{"its host begins with " + quoted(host.substr(0, 1)) +
                     "; a name begins with a letter or a digit"};
    std::size_t label = 0;
    for (std::size_t i = 0; i < host.size(); ++i) {
        label = host[i] == '.' ? 0 : label + 1;
        const bool empty = host[i] == '.' && host[i - 1] == '.';
        if (empty || label > kLabelBytesMax)
            return Error{"its host has a part of no letter, or of more than 63"};
    }
    return HostKind::name;
}

}  // namespace

std::string Endpoint::text() const {
    return std::string(kTcp) + host + ":" + std::to_string(port);
}

Result<HostKind> host_kind(std::string_view host) {
    if (host.empty()) return Error{"it names no host"};
    if (host == "*") return HostKind::any;
    if (host.front() == '[' && host.back() == ']' && host.size() > 2) return ipv6_kind(host);
    if (numeric<AF_INET6>(host) || std::count(host.begin(), host.end(), ':') > 1)
        return Error{"an IPv6 address is written in brackets, as tcp://[::1]:7239"};
    if (host.find(':') != std::string_view::npos) return Error{"it names two ports"};
    if (host.find_first_not_of("0123456789.") == std::string_view::npos) {
        if (!numeric<AF_INET>(host)) return Error{"its host is not an IPv4 address of four parts"};
        return host == "0.0.0.0" ? HostKind::any : HostKind::ipv4;
    }
    return name_kind(host);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
    const auto fault = [&](std::string_view why) {
        return Error{quoted(text) + " is not an endpoint: " + std::string(why) +
                     std::string(why.find("tcp://") == std::string_view::npos ? kHint : "")};
    };
    if (text.empty()) return Error{"the endpoint is missing" + std::string(kHint)};
    if (text.size() > kEndpointBytesMax) return Error{"it is too long for an endpoint"};
    if (!text.starts_with(kTcp)) return fault("it does not begin with tcp://");
    const std::string_view rest = text.substr(kTcp.size());
    const std::size_t colon = rest.rfind(':');
    const std::size_t bracket = rest.rfind(']');
    const bool inside =
        bracket != std::string_view::npos && colon != std::string_view::npos && colon < bracket;
    if (colon == std::string_view::npos || inside) return fault("it names no port");
    const std::string_view host = rest.substr(0, colon);
    const auto kind = host_kind(host);
    if (!kind) return fault(kind.error().message);
    const std::string_view port = rest.substr(colon + 1);
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size() || number == 0)
        return fault("its port is not from 1 to 65535");
    return Endpoint{std::string(host), number, *kind};
}

Result<Endpoint> parse_reachable(std::string_view text) {
    auto endpoint = parse_endpoint(text);
    if (endpoint && endpoint->kind == HostKind::any)
        return Error{quoted(text) +
                     " names all addresses of a machine, which others cannot connect to; write "
                     "the one at which they reach it"};
    return endpoint;
}

}  // namespace raftbus
