// timers: when which actor of a worker wants to be woken. Used by that worker's thread alone.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "actors/context.hpp"

namespace raftbus {

class Timers {
public:
    struct Due {
        ActorName actor;
        TimerId id;
    };

    // Replaces what was set for the same actor and id before.
    void set(ActorName actor, TimerId id, Moment due);
    void cancel(ActorName actor, TimerId id);
    // When the earliest is due; none: no timer runs.
    std::optional<Moment> next() const;
    // Removes and returns the earliest that is due at `now`.
    std::optional<Due> take(Moment now);

private:
    using Key = std::pair<ActorName, TimerId>;
    std::map<Key, Moment> due_by_timer_;
    std::set<std::pair<Moment, Key>> by_due_;
};

}  // namespace raftbus
