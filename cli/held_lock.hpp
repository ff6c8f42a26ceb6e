// held_lock: an exclusive lock: a key with a time to live, which whoever holds it renews.
//
// Owns: the key of the lock while it is held, and until when it is certain to be. Must not know:
// what is done under it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/client.hpp"

namespace raftbus::cli {

class HeldLock {
public:
    using Clock = std::chrono::steady_clock;

    // Nothing is asked yet.
    HeldLock(const std::string& name, std::chrono::microseconds ttl);

    const std::string& key() const { return key_; }

    // Tries once. Returns none if it is held now; else the revision at which the holder's last sign
    // of life stands. Throws Failure.
    std::optional<std::uint64_t> acquire(Client& client);
    // Which acquisition this is: greater than that of everybody who held it before.
    std::uint64_t token() const { return token_; }

    enum class Renewal { done, lost, not_answered };
    Renewal renew(Client& client);
    // It is held up to here at least: counted from before the last renewal was sent, so that it is
    // early rather than late.
    Clock::time_point certain_until() const { return certain_until_; }
    // Tries to give it back. False: it will go by itself.
    bool release(Client& client);

private:
    const std::string key_;
    const std::chrono::microseconds ttl_;
    const std::string holder_;  // the value: unlike any other holder's
    std::uint64_t token_ = 0;
    Clock::time_point certain_until_{};
};

}  // namespace raftbus::cli
