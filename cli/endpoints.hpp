// endpoints: where nodes are, as people write it and as ZeroMQ wants it. What may stand there,
// messages/endpoint says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/endpoint.hpp"
#include "messages/result.hpp"

namespace raftbus::cli {

inline constexpr std::uint16_t kClientPort = 7238;
inline constexpr std::string_view kDefaultEndpoints = "127.0.0.1:7238,7248,7258";

// A list of host[:port], :port and tcp://host:port, with commas between. A port alone is one more
// of the host before it. The result is "tcp://host:port" each, without repetitions.
// The error names the item and the cause.
Result<std::vector<std::string>> parse_endpoints(std::string_view text);

// "tcp://10.0.0.7:7238" from "tcp://0.0.0.0:7238" and anything at 10.0.0.7: an address that was
// bound to all interfaces, as seen from where `seen_at` was reached.
std::string reachable(std::string_view endpoint, std::string_view seen_at);

// What to try when nobody answers at the endpoints.
std::string advice_when_unreachable();

// Without "tcp://", for people.
std::string short_form(std::string_view endpoint);

}  // namespace raftbus::cli
