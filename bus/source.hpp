// source: something that a worker receives from.
#pragma once

#include <cstddef>

namespace raftbus {

class Source {
public:
    virtual ~Source() = default;

    // Becomes readable when there may be something new. A ZeroMQ socket's says so once only, and
    // the word is lost on whoever sends on the same socket: so it counts only after take() has
    // returned false, and a send has to set_ready(true).
    virtual int fd() const = 0;
    // Handles what waits, up to about `bound` pieces. True: more may be waiting.
    virtual bool take(std::size_t bound) = 0;

    // Whether take() may find something. A source that is not ready is looked at only when its
    // descriptor says so.
    bool ready() const { return ready_; }
    virtual void set_ready(bool ready) { ready_ = ready; }

private:
    bool ready_ = true;
};

}  // namespace raftbus
