// kv_execute: what commands do, the same for every implementation of the state.
//
// Owns: the meaning of the commands, their conditions and revisions, and the digest;
// what time does to keys and sessions. Must not know: where keys live.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "messages/local.hpp"
#include "messages/membership.hpp"
#include "storage/changes.hpp"
#include "storage/expiries.hpp"
#include "storage/footnotes.hpp"
#include "storage/sessions.hpp"
#include "storage/work.hpp"

namespace raftbus {

// How far a state has come. A flush carries it.
struct KvProgress {
    EntryId applied;
    // Of all that was applied, in order. Each command makes it
    //   mix(mix(mix(digest, index), kind | failed << 8 | found << 9 | revision << 10), contents)
    // where mix(d, w) is splitmix64's finaliser of (d ^ w) plus 0x9e3779b97f4a7c15; found and
    // revision are the outcome's; contents is CRC32C(key) << 32 | CRC32C(value), with the value
    // only of a set that was carried out. An entry without commands counts as a no-op command.
    // What only some commands have is mixed in after that, see kv_execute.cpp; and what goes
    // because its time has come, before the batch that brings the time.
    std::uint64_t digest = 0;
    // The newest time that a batch bore. Nothing else tells the state what time it is.
    WallTime clock;
    StoredConfiguration configuration;  // the last one that was applied
    bool operator==(const KvProgress&) const = default;
};

// What a state has beside its keys.
struct KvParts {
    KvProgress progress;
    Expiries expiries;
    Sessions sessions;
    Footnotes footnotes;
    // What the configuration says. A body that says nothing leaves them as they are.
    std::uint32_t version = 1;
    Incarnation incarnation;

    // progress.configuration is another one.
    void read_configuration();
};

// What stands under a key.
struct KvFound {
    std::string_view value;
    std::uint64_t revision = 0;  // the index of the command that wrote it
    WallTime expires_at;         // 0: never
};

// The keys and values that commands work on.
class CommandTarget {
public:
    // None if the key is not there. The view is valid until the next call of any member.
    virtual std::optional<KvFound> find(std::string_view key) = 0;
    // Puts the value there, whatever was there before. Returns when that was to expire, as far as
    // this is known without looking it up; 0: never, or it is not known.
    virtual WallTime set(std::string_view key, std::string_view value, std::uint64_t revision,
                         WallTime expires_at) = 0;
    // Removes the key, which is there. Returns the same.
    virtual WallTime erase(std::string_view key) = 0;
    // As full as the query allows. None: not done yet; ask again in a later turn.
    virtual std::optional<ScanAnswer> read(const ScanQuery& query, Work& work) = 0;
    // These keys are asked for next. Changes nothing but how soon they are found.
    virtual void expect(std::span<const std::string_view> keys) = 0;

protected:
    ~CommandTarget() = default;
};

// What expires before one batch, where the cluster speaks version 2: so many keys and so many
// sessions at most. What is left expires with the next batches.
inline constexpr std::size_t kKeysGoneAtOnce = 10'000;
inline constexpr std::size_t kSessionsGoneAtOnce = 1'000;

// Executes a batch, which must follow what is applied (CHECKed), and moves `parts` on: first the
// clock, then what is due by it goes, then the commands. It takes as many turns as the work needs,
// and in between nobody else changes anything.
class BatchExecution {
public:
    // Both must outlive it.
    BatchExecution(const Batch& batch, CommandTarget& target, KvParts& parts);
    ~BatchExecution();

    // False: not done yet. The batch is the same every time. Appends one outcome per command to
    // `outcomes` unless it is null; an entry without commands has none. Throws CheckFailed if the
    // body can not be decoded. A set without conditions does not look its key up. Every change is
    // told to `changes`, unless it is null; what the log does not say of it is noted.
    bool go_on(const Batch& batch, std::vector<CommandOutcome>* outcomes, ChangeSink* changes,
               Work& work);

private:
    class Executor;
    std::unique_ptr<Executor> executor_;
    KvParts& parts_;
};

}  // namespace raftbus
