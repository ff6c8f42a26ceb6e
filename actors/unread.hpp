// unread: the bytes of long replies that clients have been given and have not taken yet.
//
// Owns: the sums, of each connection and of all, and when they are too much. Must not know: what
// was answered, how replies travel. A value.
//
// A client may leave as much unread as there is room left for all, and never more than its own
// limit. So those who do not read share the room among themselves. Who has nothing unread is served
// even beyond, up to twice the limit: what is read from the state while nothing was known to be
// unread may exceed it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "messages/codec.hpp"
#include "messages/route.hpp"

namespace raftbus {

struct UnreadLimits {
    std::uint64_t bytes_max = 0;
    std::uint64_t bytes_per_client_max = 0;
};

class Unread {
public:
    explicit Unread(const UnreadLimits& limits) : limits_(limits) {}

    // A reply with a body of so many bytes goes back by that route. Short ones do not count: their
    // number is limited elsewhere.
    void given(std::string_view route, std::uint64_t body) {
        const std::uint64_t bytes = body + route.size();
        if (bytes < kInlineBytesMax) return;
        const std::string_view client = client_of(route);
        auto found = clients_.find(client);
        if (found == clients_.end()) found = clients_.emplace(client, 0).first;
        found->second += bytes;
        bytes_ += bytes;
    }
    // The client has taken so many of them.
    void taken(std::string_view client, std::uint64_t bytes) {
        const auto found = clients_.find(client);
        if (found == clients_.end()) return;
        const std::uint64_t less = std::min(bytes, found->second);
        found->second -= less;
        bytes_ -= less;
        if (found->second == 0) clients_.erase(found);
    }
    // Why that client should be answered nothing long now; none: it may be.
    std::optional<std::string> full(std::string_view route) const {
        if (bytes_ == 0) return std::nullopt;
        if (bytes_ / 2 >= limits_.bytes_max)
            return "the replies of this node that clients have not read hold " +
                   std::to_string(bytes_) + " bytes, twice its limit";
        const auto found = clients_.find(client_of(route));
        if (found == clients_.end()) return std::nullopt;
        const std::uint64_t room = limits_.bytes_max - std::min(bytes_, limits_.bytes_max);
        if (found->second < std::min(limits_.bytes_per_client_max, room)) return std::nullopt;
        return "this client has not read " + std::to_string(found->second) +
               " bytes of replies: read them before asking for more";
    }
    // A refusal of so many bytes must be dropped: the client reads nothing and asks on, with ids or
    // routes that make even refusals long.
    bool beyond(std::string_view route, std::uint64_t body) const {
        if (body + route.size() < kInlineBytesMax || bytes_ == 0) return false;
        if (bytes_ / 4 >= limits_.bytes_max) return true;
        const auto found = clients_.find(client_of(route));
        return found != clients_.end() && found->second / 2 >= limits_.bytes_per_client_max;
    }
    std::uint64_t bytes() const { return bytes_; }

private:
    UnreadLimits limits_;
    std::map<std::string, std::uint64_t, std::less<>> clients_;  // by connection
    std::uint64_t bytes_ = 0;
};

}  // namespace raftbus
