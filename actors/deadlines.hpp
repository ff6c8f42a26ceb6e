// deadlines: when each of many things is due, most of them so far from now and in the order in
// which they come.
//
// Owns: the order. Things are numbers, small ones: a place of a vector. What is due within the same
// millisecond is one list, so that adding and removing cost the same however many there are.
// Must not know: what the things are, timers.
#pragma once

#include <absl/container/btree_map.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "messages/types.hpp"

namespace raftbus {

class Deadlines {
public:
    using Thing = std::uint32_t;
    // Deadlines count as so much earlier, at most.
    static constexpr Duration kGrain{1'000};

    // It is not there yet.
    void add(Thing thing, Moment deadline);
    // It is there.
    void remove(Thing thing);

    // The earliest; none: nothing is there.
    std::optional<Moment> next() const;
    // Those that are due at `now`, the earliest first; of the same millisecond, as they came.
    std::vector<Thing> due(Moment now) const;
    std::size_t size() const { return size_; }

private:
    static constexpr Thing kNone = std::numeric_limits<Thing>::max();
    struct Link {
        Moment at;  // key of its list
        Thing before = kNone, behind = kNone;
    };
    struct List {
        Thing first = kNone, last = kNone;
    };
    using Lists = absl::btree_map<Moment, List>;

    List& list(Moment at);

    std::vector<Link> links_;  // by thing
    Lists lists_;              // none is empty
    std::size_t size_ = 0;
};

}  // namespace raftbus
