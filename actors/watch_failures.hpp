// watch_failures: what clients are told when a watch does not begin, or ends.
//
// Owns: the words. Must not know: when that is.
#pragma once

#include <string_view>

#include "messages/client.hpp"
#include "messages/watching.hpp"

namespace raftbus::watch_failures {

// Why a watch is over that may go on; over() adds from where on.
inline constexpr std::string_view kFellBehind = "the watch fell behind, for its client did not read: go on";
inline constexpr std::string_view kStopping = "this node is stopping: go on at another one,";
inline constexpr std::string_view kExpelled =
    "this node was removed from the cluster: go on at another one,";
inline constexpr std::string_view kSilent =
    "the client gave no sign of life for longer than the watch allows (keepalive_ms): go on";
inline constexpr std::string_view kSilentBehindProxy =
    "the client is behind a proxy, where it cannot be seen whether it is there, and asked for "
    "nothing for a long time: watch with keepalive_ms, and go on";

// `told`: every change up to there was sent.
client::Failure over(std::string_view why, LogIndex told);
client::Failure compacted(const WatchEnded& ended);
// `newest`: the cluster's.
client::Failure ahead(LogIndex from, LogIndex newest);
client::Failure other_incarnation(std::uint64_t claimed, const WatchEnded& ended, LogIndex newest);

}  // namespace raftbus::watch_failures
