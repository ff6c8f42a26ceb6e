// world: what a simulated node asks of its surroundings, and what may look at a run or meddle with
// it.
//
// Owns: interfaces only.
#pragma once

#include <memory>
#include <string_view>

#include "actors/context.hpp"
#include "messages/trace.hpp"
#include "sim/mail.hpp"
#include "storage/disk.hpp"
#include "storage/kv_state.hpp"

namespace raftbus::sim {

class SimDisk;
class SimNode;

// Sees everything, changes nothing.
class Watcher {
public:
    virtual ~Watcher() = default;
    // True: actors trace, and on_trace() is called.
    virtual bool traces() const { return false; }
    virtual void on_trace(const TraceEvent&) {}
    // What an actor wrote to its node's log.
    virtual void on_log(Moment, Address, LogLevel, std::string_view) {}
    // What befell the cluster: "n2 crashes".
    virtual void on_event(Moment, std::string_view) {}
};

// Lies between the actors and their world: how tests plant bugs without touching an actor.
class Tamper {
public:
    virtual ~Tamper() = default;
    // May change the message, or send others by `world`. False: it is not sent.
    virtual bool on_send(SimNode&, Envelope&, AnyMessage&) { return true; }
    // False: it is not handed to the actor.
    virtual bool on_receive(SimNode&, Envelope&, AnyMessage&) { return true; }
    // Wraps the disk that storage gets. Null: none.
    virtual std::unique_ptr<Disk> wrap(NodeId, SimDisk&) { return nullptr; }
    // Wraps the state that the state machine gets.
    virtual std::unique_ptr<KvState> wrap(NodeId, std::unique_ptr<KvState> state) { return state; }
};

// How long things take inside a node. Everything is drawn evenly from [0, max].
struct Pace {
    Duration neighbour_max{20};  // a message from one actor of a node to another, > 0
    Duration burst_max{20};      // an actor's work on what has come in
    Duration timer_max{100};     // by how much a timer is late
    Duration job_max{2'000};     // a job in the background
};

class World {
public:
    virtual Schedule& schedule() = 0;
    virtual Mail& mail() = 0;
    virtual const Pace& pace() const = 0;
    virtual Watcher* watcher() = 0;
    virtual Tamper* tamper() = 0;
    // False: nothing happens by itself; messages and timers wait for somebody to move them.
    virtual bool runs_by_itself() const = 0;

    // A message leaves its actor, at `sent`.
    virtual void post(SimNode& from, const Envelope& envelope, const AnyMessage& message,
                      Moment sent) = 0;
    // An actor is about to take a message.
    virtual void delivered(SimNode& node, const Opened& letter) = 0;
    // An actor has finished a step: rules are checked.
    virtual void stepped(SimNode& node, ActorName actor) = 0;
    // Its log is open and nothing is under way.
    virtual void on_starting(SimNode& node) = 0;
    virtual void on_up(SimNode& node) = 0;
    // The process is gone.
    virtual void on_down(SimNode& node) = 0;

protected:
    ~World() = default;
};

}  // namespace raftbus::sim
