// ready_list: a worker's sources in the order in which they are served, and which of them may have
// something. Sleeps until one has.
//
// A source stays ready from the first sign of life until take() finds it empty, so a busy worker
// asks the kernel nothing, and a sleeping one asks once for all sources (zmq_poll would ask once
// for each).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bus/source.hpp"
#include "messages/types.hpp"

namespace raftbus {

class ReadyList {
public:
    struct Entry {
        Source* source;
        int rank;
        std::optional<ActorName> actor;  // whose mailbox it is
        int fd = -1;                     // being watched
    };

    ReadyList();
    ~ReadyList();
    ReadyList(const ReadyList&) = delete;
    ReadyList& operator=(const ReadyList&) = delete;

    // Sources of a lower rank are served first; of one rank in the order they were added.
    Entry& add(Source& source, int rank, std::optional<ActorName> actor = std::nullopt);
    // Not while entries() is walked through, as add().
    void remove(Source& source);
    const std::vector<std::unique_ptr<Entry>>& entries() const { return entries_; }

    // Around the exchange of a source's socket, which changes its descriptor.
    void unwatch(Source& source);
    void watch(Source& source);
    // For one that is not watched; else as remove().
    void forget(Source& source);

    bool any_ready() const;
    // Sleeps until a source has something, or `limit` has passed (none: for as long as it takes).
    // True: one has.
    bool wait(std::optional<Duration> limit);

private:
    Entry& entry_of(Source& source);

    std::vector<std::unique_ptr<Entry>> entries_;
    int epoll_;
};

}  // namespace raftbus
