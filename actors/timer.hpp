// timer: a named member of an actor that is started, stopped and fired.
#pragma once

#include "actors/context.hpp"

namespace raftbus {

class Timer {
public:
    Timer(Context& context, TimerId id) : context_(context), id_(id) {}

    // (Re)starts it: it fires once, `after` from now.
    void start(Duration after) {
        running_ = true;
        context_.set_timer(id_, after);
    }
    void stop() {
        if (running_) context_.cancel_timer(id_);
        running_ = false;
    }
    // To be called first in on_timer. False: it was not this timer, or it was stopped meanwhile.
    bool fired(TimerId id) {
        if (id != id_ || !running_) return false;
        running_ = false;
        return true;
    }
    bool running() const { return running_; }

private:
    Context& context_;
    TimerId id_;
    bool running_ = false;
};

}  // namespace raftbus
