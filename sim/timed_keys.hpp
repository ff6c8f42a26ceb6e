// timed_keys: keys that are set once, with a time, and read now and then.
//
// Owns: what is known of each, and what their times promise: never gone early, and what is gone
// does not come back. They stand apart from the keys whose histories are judged. Must not know: how
// they are asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/random.hpp"
#include "messages/types.hpp"

namespace raftbus::sim {

class TimedKeys {
public:
    // No node's clock runs faster than at so many microseconds in a million true ones.
    explicit TimedKeys(std::int64_t fastest) : fastest_(fastest) {}

    static constexpr std::uint64_t kTtlMinMs = 100;
    static constexpr std::uint64_t kTtlMaxMs = 5'000;

    struct Plan {
        std::string name;
        std::uint64_t ttl_ms = 0;
    };
    // A new one, which is asked for from `now` on.
    Plan make(Random& random, Moment now);
    // The set was answered.
    void acknowledged(const std::string& name);
    // The name of one that was acknowledged; none if none was.
    std::optional<std::string> some(Random& random) const;
    // A read that saw everything acknowledged before it says whether the key is there. Returns what
    // is wrong with that, if anything.
    std::optional<std::string> read(const std::string& name, bool found, Moment begin, Moment now);

    // Everything that has a time has gone. Returns which key is there all the same.
    std::optional<std::string> outlasted(
        const std::function<bool(const std::string& name)>& there) const;

    std::size_t made() const { return keys_.size(); }
    std::size_t seen_gone() const { return seen_gone_; }

private:
    struct Key {
        std::uint64_t ttl_ms = 0;
        Moment asked;
        bool acknowledged = false;
        std::optional<Moment> gone;  // when a read had said so
    };

    const std::int64_t fastest_;
    std::map<std::string, Key> keys_;
    std::vector<std::string> readable_;
    std::size_t seen_gone_ = 0;
};

}  // namespace raftbus::sim
