// context: an actor's one door to the world.
//
// Owns: the interface. Implemented by bus/ (ZeroMQ and real time), by sim/ (virtual time) and by
// the tests' fake. An actor keeps the reference it was made with and reaches nothing else: no
// socket, no clock, no thread, no file, no global.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "messages/catalog.hpp"

namespace raftbus {

using TimerId = std::uint32_t;  // chosen by each actor for itself
using JobId = std::uint32_t;

enum class LogLevel : std::uint8_t { debug, info, warning, error };

class Context {
public:
    virtual ~Context() = default;

    // This actor's own address.
    virtual Address self() const = 0;

    // Sends to an actor of this node or of another. Never blocks. Order is kept between one sender
    // and one receiver, and promised nowhere else. To another node a message may be lost, and
    // arrives at most once. The cause and the client request in its envelope are those of the
    // message that is being handled (in on_drained: of the last one that was).
    virtual void send(Address to, AnyMessage message) = 0;

    // Calls on_timer(id) once, `after` from now; replaces what was set for `id` before. after >= 0.
    virtual void set_timer(TimerId id, Duration after) = 0;
    virtual void cancel_timer(TimerId id) = 0;

    // Never goes back. The same throughout one call of a handler.
    virtual Moment now() const = 0;
    // The node's idea of the time of day; may jump.
    virtual WallTime wall_time() const = 0;
    // Uniform in [0, bound); bound >= 1. From the node's one seeded generator.
    virtual std::uint64_t random(std::uint64_t bound) = 0;

    // Runs `work` away from this actor's thread, then calls on_job_done(id). For long work on data
    // that nobody changes meanwhile. Jobs of one actor run one after the other.
    virtual void run_in_background(JobId id, std::function<void()> work) = 0;

    // One line for the operator. `text` is "what happened: why", without values of keys.
    virtual void log(LogLevel level, std::string_view text) = 0;

    // True while somebody listens to the trace, so that marks are worth making.
    virtual bool traced() const = 0;
    // Puts an event of this actor's own into the trace, under `request`: "Set colour (3 B)".
    virtual void mark(RequestId request, std::string_view text) = 0;
    // What is sent from now on, until the next message is handled, serves this client request.
    virtual void serve(RequestId request) = 0;
    // What is sent from now on, until the next message is handled, is caused by this earlier
    // message and serves its request: for answers that were held back, as storage's are until the
    // sync.
    virtual void answering(const Envelope& envelope) = 0;
};

}  // namespace raftbus
