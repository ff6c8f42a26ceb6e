#include "bus/turn_gauge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bus/clock.hpp"
#include "messages/catalog.hpp"
#include "messages/text.hpp"

namespace raftbus {

void TurnGauge::look(Moment now) {
    looked_ = now;
    used_ = thread_time();
}

// What the thread did of it all, but no longer than the turn lasted.
void TurnGauge::measure(Moment now) {
    const Duration before = used_;
    look(now);
    turn_.took = std::min(used_ - before, now - began_);
    if (turn_.took > longest_.took) longest_ = turn_;
}

std::string to_text(const Turn& turn) {
    if (turn.took == Duration::zero()) return {};
    const std::string actor(to_string(turn.actor));
    switch (turn.kind) {
        case TurnKind::message:
            if (turn.actor == ActorName::bus) return actor;
            return fmt::format("{}, {}", actor, name_of(turn.which));
        case TurnKind::timer:
            return fmt::format("{}, timer {}", actor, turn.which);
        case TurnKind::job:
            return fmt::format("{}, end of job {}", actor, turn.which);
        case TurnKind::drained:
            return fmt::format("{}, drained", actor);
    }
    return actor;
}

}  // namespace raftbus
