// renewed_keys: keys that are set again and again, with a time, with another, or without, deleted
// and made anew; each by one client alone.
//
// Owns: what each key has to look like after what was answered last. They stand apart from the keys
// whose histories are judged. Must not know: how they are asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/random.hpp"
#include "messages/types.hpp"

namespace raftbus::sim {

class RenewedKeys {
public:
    // No node's clock runs faster than at so many microseconds in a million true ones.
    explicit RenewedKeys(std::int64_t fastest) : fastest_(fastest) {}

    static constexpr std::string_view kPrefix = "again/";
    static constexpr std::uint64_t kTtlMinMs = 100;
    static constexpr std::uint64_t kTtlMaxMs = 3'000;
    static bool own(std::string_view key) { return key.starts_with(kPrefix); }

    struct Plan {
        std::string name;
        bool erases = false;
        std::uint64_t ttl_ms = 0;  // 0: it stays
    };
    // What the client asks for next, from `now` on. One request at a time.
    Plan next(std::size_t client, Random& random, const std::string& value, Moment now);
    // The client was told that it is done, and, of a DELETE, whether the key was there. Returns
    // what is wrong with that, if anything.
    std::optional<std::string> answered(const std::string& name, bool found, Moment now);
    // It was certainly not executed.
    void refused(const std::string& name);
    // Nobody knows: the client takes another key from now on.
    void lost(const std::string& name);

    // The name of one of which something is known; none if there is none.
    std::optional<std::string> some(Random& random) const;
    // What is known of the key now; 0: nothing.
    std::uint64_t version(const std::string& name) const;
    // A linearizable read that began at `version` says what the key holds; none: it is not there.
    // Returns what is wrong with that, if anything.
    std::optional<std::string> read(const std::string& name, std::uint64_t version,
                                    const std::optional<std::string>& value, Moment begin,
                                    Moment now);
    // Everything that has a time has gone. Returns which key is there, or is not, against what was
    // answered.
    std::optional<std::string> outlasted(
        const std::function<bool(const std::string& name)>& there) const;

private:
    enum class Is : std::uint8_t { unknown, absent, timed, kept };
    struct Stands {
        Is is = Is::absent;
        std::string value;
        std::uint64_t ttl_ms = 0;
        Moment asked;  // when its time began at the earliest
    };
    struct Key {
        Stands stands;
        std::optional<Stands> wanted;  // by what is under way
        std::uint64_t version = 1;
        std::optional<Moment> gone;  // since the last change a read or a DELETE had said so
    };
    std::optional<std::string> absent(const std::string& name, Key& key, Moment now) const;

    const std::int64_t fastest_;
    std::map<std::string, Key> keys_;
    std::map<std::size_t, std::string> of_client_;
};

}  // namespace raftbus::sim
