#include "messages/route.hpp"

#include <cstdint>

namespace raftbus {
namespace {
constexpr std::size_t kLengthBytes = 4;
}

std::string pack_route(std::span<const std::string_view> frames) {
    std::string route;
    for (std::string_view frame : frames) {
        const auto size = static_cast<std::uint32_t>(frame.size());
        for (int shift = 24; shift >= 0; shift -= 8)
            route.push_back(static_cast<char>(size >> shift));
        route.append(frame);
    }
    return route;
}

std::optional<std::vector<std::string_view>> unpack_route(std::string_view route) {
    std::vector<std::string_view> frames;
    while (!route.empty()) {
        if (route.size() < kLengthBytes) return std::nullopt;
        std::size_t size = 0;
        for (std::size_t i = 0; i < kLengthBytes; ++i)
            size = size << 8 | static_cast<unsigned char>(route[i]);
        route.remove_prefix(kLengthBytes);
        if (route.size() < size) return std::nullopt;
        frames.push_back(route.substr(0, size));
        route.remove_prefix(size);
    }
    return frames;
}

std::string_view client_of(std::string_view route) {
    if (route.size() < kLengthBytes) return route;
    std::size_t size = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
        size = size << 8 | static_cast<unsigned char>(route[i]);
    return size <= route.size() - kLengthBytes ? route.substr(0, kLengthBytes + size) : route;
}

}  // namespace raftbus
