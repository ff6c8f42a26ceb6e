#include "sim/timed_keys.hpp"

namespace raftbus::sim {

TimedKeys::Plan TimedKeys::make(Random& random, Moment now) {
    const std::string name = "timed/" + std::to_string(keys_.size() + 1);
    const std::uint64_t ttl_ms = kTtlMinMs + random.below(kTtlMaxMs - kTtlMinMs + 1);
    keys_[name] = {.ttl_ms = ttl_ms, .asked = now};
    return {name, ttl_ms};
}

void TimedKeys::acknowledged(const std::string& name) {
    Key& key = keys_.at(name);
    if (!key.acknowledged) readable_.push_back(name);
    key.acknowledged = true;
}

// The newer ones mostly, which may still be there.
std::optional<std::string> TimedKeys::some(Random& random) const {
    if (readable_.empty()) return std::nullopt;
    constexpr std::size_t kNewest = 6;
    const std::size_t back = random.below(std::min(readable_.size(), kNewest));
    return readable_[readable_.size() - 1 - back];
}

std::optional<std::string> TimedKeys::read(const std::string& name, bool found, Moment begin,
                                           Moment now) {
    Key& key = keys_.at(name);
    if (found) {
        const bool back = key.gone && *key.gone < begin;
        return back ? std::optional("has come back: " + name) : std::nullopt;
    }
    if (!key.gone) {
        key.gone = now;
        ++seen_gone_;
    }
    const auto passed_us = (now - key.asked).count() * fastest_ / 1'000'000;
    if (passed_us >= static_cast<std::int64_t>(key.ttl_ms) * 1'000) return std::nullopt;
    return "is gone early: " + name + ", after " + std::to_string((now - key.asked).count()) +
           " us of " + std::to_string(key.ttl_ms) + " ms";
}

std::optional<std::string> TimedKeys::outlasted(
    const std::function<bool(const std::string& name)>& there) const {
    for (const auto& [name, key] : keys_)
        if (key.acknowledged && there(name)) return "outlives it: " + name;
    return std::nullopt;
}

}  // namespace raftbus::sim
