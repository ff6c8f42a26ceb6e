// sessions: what clients who retry were told, so that a write that comes again is not executed
// again (docs/protocol.md, "Exactly once"; Diss. §6.3).
//
// Owns: the sessions, each with the outcomes of its newest numbers; which of them have to go; what
// has changed since the last flush. All of it is part of the replicated state: it changes by
// commands, their indexes and the log's time alone. Must not know: what the commands do.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/local.hpp"

namespace raftbus {

class KvTable;

// The same on all nodes, whatever they are started with. Tests have smaller ones.
struct SessionLimits {
    std::size_t sessions_max = 100'000;         // beyond it the least recently used goes
    std::uint64_t numbers_max = 1'024;          // outcomes remembered: those of the newest numbers
    std::uint64_t outcome_bytes_max = 1 << 20;  // of one session's, but for the newest outcome
    // Of all sessions and their outcomes, once the cluster speaks version 2. The large outcomes of
    // those that were used least recently are forgotten first; if that is not enough, they go.
    std::uint64_t bytes_max = 128 << 20;
};
// How long an unused session lives, as clients get it.
inline constexpr std::uint64_t kSessionLifeMs = 10 * 60 * 1'000;

class Sessions {
public:
    explicit Sessions(const SessionLimits& limits = {}) : limits_(limits) {}

    // The id of a session that the command at `index` opens: the index, or, in an incarnation that
    // has an id, a number below 2^53 that no other command of it gets, and hardly one of another.
    std::uint64_t fresh_id(std::uint64_t incarnation, std::uint64_t index) const;
    // Opens session `id`, which is none yet (CHECKed), by the command at `index`. Returns those that
    // had to go for it, in order.
    std::vector<std::uint64_t> open(std::uint64_t id, std::uint64_t index, Duration life,
                                    WallTime clock);
    // Removes all.
    void clear();
    // From now on the bytes of all are limited. So it stays.
    void bounded(bool bounded) { bounded_ = bounded; }

    // Removes the sessions that were not used for their life, at most so many: those first whose
    // life ended first. Returns them in order.
    std::vector<std::uint64_t> expire(WallTime clock, std::size_t most = SIZE_MAX);

    // The command at `index` bears this session and number.
    struct Unknown {};  // there is no such session
    struct Fresh {};    // it is to be executed; remember() must follow
    using Verdict = std::variant<Fresh, Unknown, OutcomeForgotten, CommandOutcome>;
    Verdict use(std::uint64_t id, std::uint64_t seq, std::uint64_t index, WallTime clock);
    // Returns the sessions that had to go for it, in order.
    std::vector<std::uint64_t> remember(std::uint64_t id, std::uint64_t seq,
                                        const CommandOutcome& outcome);

    std::size_t size() const { return by_id_.size(); }
    // What they hold, with what each session and outcome costs besides: the same on all nodes.
    std::uint64_t bytes() const { return bytes_; }

    // Notes in the table what has changed since the last call: 's' and the id (8 bytes, big
    // endian), with the whole session as content; or that this is gone.
    void note_changes(KvTable& table);
    // Takes in what such a note says. False if it is none. To be called before anything else;
    // loaded() ends it.
    bool load(std::string_view name, std::string_view content);
    void loaded();
    static constexpr char kSpace = 's';

private:
    struct Session {
        std::uint64_t id = 0;
        Duration life{};
        WallTime used;              // the log's time at its last use
        std::uint64_t used_at = 0;  // the index of its last use
        std::uint64_t newest = 0;   // number
        // By number. Empty: forgotten, for there were too many bytes.
        absl::btree_map<std::uint64_t, std::string> outcomes;
        std::uint64_t bytes = 0;    // of the outcomes
        std::uint64_t counted = 0;  // of all that it holds, in bytes_
        WallTime due() const { return WallTime(used.value + life.count()); }
    };
    using Place = std::list<Session>::iterator;

    void touch(Place session, std::uint64_t index, WallTime clock);
    void erase(Place session);
    void forget_beyond_limits(Session& session);
    void count(Session& session);
    std::vector<std::uint64_t> forget_beyond_all(std::uint64_t kept);
    static std::string content_of(const Session& session);

    SessionLimits limits_;
    std::list<Session> by_use_;  // the least recently used first
    absl::btree_map<std::uint64_t, Place> by_id_;
    absl::btree_set<std::pair<WallTime, std::uint64_t>> due_;  // one each; may be too early
    absl::btree_set<std::uint64_t> changed_;
    // Those with many bytes of outcomes: when they were used last, and their id.
    absl::btree_set<std::pair<std::uint64_t, std::uint64_t>> heavy_;
    std::uint64_t bytes_ = 0;
    bool bounded_ = false;
};

}  // namespace raftbus
