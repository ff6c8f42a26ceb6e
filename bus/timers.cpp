#include "bus/timers.hpp"

namespace raftbus {

void Timers::set(ActorName actor, TimerId id, Moment due) {
    const Key key{actor, id};
    const auto [it, fresh] = due_by_timer_.try_emplace(key, due);
    if (!fresh) {
        by_due_.erase({it->second, key});
        it->second = due;
    }
    by_due_.insert({due, key});
}

void Timers::cancel(ActorName actor, TimerId id) {
    const auto it = due_by_timer_.find({actor, id});
    if (it == due_by_timer_.end()) return;
    by_due_.erase({it->second, it->first});
    due_by_timer_.erase(it);
}

std::optional<Moment> Timers::next() const {
    if (by_due_.empty()) return std::nullopt;
    return by_due_.begin()->first;
}

std::optional<Timers::Due> Timers::take(Moment now) {
    if (by_due_.empty() || by_due_.begin()->first > now) return std::nullopt;
    const Key key = by_due_.begin()->second;
    by_due_.erase(by_due_.begin());
    due_by_timer_.erase(key);
    return Due{key.first, key.second};
}

}  // namespace raftbus
