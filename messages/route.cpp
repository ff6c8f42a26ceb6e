#include "messages/route.hpp"

#include <cstdint>

namespace raftbus {
namespace {

constexpr std::size_t kLengthBytes = 4;

// Of bytes that begin with a length.
std::size_t length_at(std::string_view bytes) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
        length = length << 8 | static_cast<unsigned char>(bytes[i]);
    return length;
}

}  // namespace

void append_frame(std::string& route, std::string_view frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    for (int shift = 24; shift >= 0; shift -= 8) route.push_back(static_cast<char>(size >> shift));
    route.append(frame);
}

std::string pack_route(std::span<const std::string_view> frames) {
    std::string route;
    for (const std::string_view frame : frames) append_frame(route, frame);
    return route;
}

std::optional<std::string_view> take_frame(std::string_view& route) {
    if (route.size() < kLengthBytes) return std::nullopt;
    const std::size_t size = length_at(route);
    if (route.size() - kLengthBytes < size) return std::nullopt;
    const std::string_view frame = route.substr(kLengthBytes, size);
    route.remove_prefix(kLengthBytes + size);
    return frame;
}

std::string_view client_of(std::string_view route) {
    if (route.size() < kLengthBytes) return route;
    const std::size_t size = length_at(route);
    return size <= route.size() - kLengthBytes ? route.substr(0, kLengthBytes + size) : route;
}

}  // namespace raftbus
