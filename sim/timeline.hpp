// timeline: the list that the linearizability search walks and edits.
//
// Owns: the order in time of what is not placed yet. Must not know: what the operations do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace raftbus::sim {

// The begins and ends of the operations with known outcome that are not placed yet, by time: a
// doubly linked list from which an operation is taken out and put back in constant time.
class Timeline {
public:
    using Index = std::uint32_t;
    static constexpr Index kNone = std::numeric_limits<Index>::max();
    static constexpr Index kHead = 0;  // positions begin at 1

    explicit Timeline(std::size_t positions = 0) : links_(positions + 1) {}

    void append(Index position, Index step) {
        links_[position] = {last_, kNone, step};
        links_[last_].next = position;
        last_ = position;
    }
    // kNone after the last one.
    Index after(Index position) const { return links_[position].next; }
    Index step_at(Index position) const { return links_[position].step; }

    void take_out(Index begin, Index end) {
        unlink(begin);
        unlink(end);
    }
    // Undoes the last take_out that is not undone yet.
    void put_back(Index begin, Index end) {
        relink(end);
        relink(begin);
    }

private:
    struct Link {
        Index previous = kNone;
        Index next = kNone;
        Index step = kNone;
    };
    void unlink(Index position) {
        const Link& link = links_[position];
        links_[link.previous].next = link.next;
        if (link.next != kNone) links_[link.next].previous = link.previous;
    }
    void relink(Index position) {
        const Link& link = links_[position];
        links_[link.previous].next = position;
        if (link.next != kNone) links_[link.next].previous = position;
    }
    std::vector<Link> links_;
    Index last_ = kHead;
};

}  // namespace raftbus::sim
