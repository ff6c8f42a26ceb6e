// kv_execute: what commands do, the same for every implementation of the state.
//
// Owns: the meaning of the commands, their conditions and revisions, and the digest.
// Must not know: where keys live.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "messages/local.hpp"

namespace raftbus {

// How far a state has come. A flush carries it.
struct KvProgress {
    EntryId applied;
    // Of all that was applied, in order. Each command makes it
    //   mix(mix(mix(digest, index), kind | failed << 8 | found << 9 | revision << 10), contents)
    // where mix(d, w) is splitmix64's finaliser of (d ^ w) plus 0x9e3779b97f4a7c15; found and
    // revision are the outcome's; contents is CRC32C(key) << 32 | CRC32C(value), with the value
    // only of a set that was carried out. Entries that are no commands count as a no-op command.
    std::uint64_t digest = 0;
    StoredConfiguration configuration;  // the last one that was applied
    bool operator==(const KvProgress&) const = default;
};

// What stands under a key.
struct KvFound {
    std::string_view value;
    std::uint64_t revision = 0;  // the index of the command that wrote it
};

// The keys and values that commands work on.
class CommandTarget {
public:
    // None if the key is not there. The view is valid until the next call of any member.
    virtual std::optional<KvFound> find(std::string_view key) = 0;
    // Puts the value there, whatever was there before.
    virtual void set(std::string_view key, std::string_view value, std::uint64_t revision) = 0;
    // Removes the key, which is there.
    virtual void erase(std::string_view key) = 0;

protected:
    ~CommandTarget() = default;
};

// Executes the batch, which must follow progress.applied (CHECKed), and moves `progress` on.
// Appends one outcome per command to `outcomes` unless it is null; an entry that is no command has
// none. Throws CheckFailed if the body can not be decoded. A set without conditions does not look
// its key up.
void execute(const Batch& batch, CommandTarget& target, KvProgress& progress,
             std::vector<CommandOutcome>* outcomes);

}  // namespace raftbus
