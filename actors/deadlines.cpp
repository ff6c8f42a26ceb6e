#include "actors/deadlines.hpp"

#include "messages/check.hpp"

namespace raftbus {

void Deadlines::add(Thing thing, Moment deadline) {
    if (thing >= links_.size()) links_.resize(thing + 1);
    const Duration since = deadline.time_since_epoch();
    const Moment at(since - since % kGrain);
    List& due = list(at);
    links_[thing] = {at, due.last, kNone};
    (due.last == kNone ? due.first : links_[due.last].behind) = thing;
    due.last = thing;
    ++size_;
}

// Most deadlines are the latest so far.
Deadlines::List& Deadlines::list(Moment at) {
    if (!lists_.empty())
        if (const auto latest = std::prev(lists_.end()); latest->first == at) return latest->second;
    return lists_[at];
}

void Deadlines::remove(Thing thing) {
    CHECK(size_ > 0);
    --size_;
    const Link link = links_[thing];
    if (link.before != kNone) links_[link.before].behind = link.behind;
    if (link.behind != kNone) links_[link.behind].before = link.before;
    if (link.before != kNone && link.behind != kNone) return;
    const auto found = lists_.find(link.at);
    CHECK(found != lists_.end());
    List& due = found->second;
    if (link.before == kNone) due.first = link.behind;
    if (link.behind == kNone) due.last = link.before;
    if (due.first == kNone) lists_.erase(found);
}

std::optional<Moment> Deadlines::next() const {
    if (lists_.empty()) return std::nullopt;
    return lists_.begin()->first;
}

std::vector<Deadlines::Thing> Deadlines::due(Moment now) const {
    std::vector<Thing> found;
    for (const auto& [at, due] : lists_) {
        if (at > now) break;
        for (Thing thing = due.first; thing != kNone; thing = links_[thing].behind)
            found.push_back(thing);
    }
    return found;
}

}  // namespace raftbus
