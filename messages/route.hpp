// route: the frames of a client's envelope, packed into one piece of bytes and back.
//
// Form: for each frame its length (4 bytes, big-endian), then its bytes. The first is ZeroMQ's
// routing id of the connection, the last is the empty delimiter.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace raftbus {

// Of one message of a client, the routing id of its connection counted.
inline constexpr std::size_t kClientFramesMax = 32;
// Of a packed route: it is kept as long as its request or watch, and goes back with each reply.
inline constexpr std::size_t kRouteBytesMax = 16 << 10;

void append_frame(std::string& route, std::string_view frame);
std::string pack_route(std::span<const std::string_view> frames);
// Takes the first frame off `route`, into which it points; none if `route` is no packed frames.
std::optional<std::string_view> take_frame(std::string_view& route);

// The part of a packed route that names the connection: its first frame, which no client can choose
// for each message anew. Of what is no packed route, all of it.
std::string_view client_of(std::string_view route);

}  // namespace raftbus
