// failure: how a verb ends when it does not end well.
//
// Owns: the exit codes, which scripts rely on and which therefore never change, and the one
// exception that carries a cause, the next thing to try, and the code up to the place that prints
// it (run.cpp).
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace raftbus::cli {

enum class Exit : int {
    done = 0,
    answered_no = 1,   // key not found, condition failed
    refused = 2,       // wrong usage, or a request that the cluster refuses
    unreachable = 3,   // no node answers
    not_executed = 4,  // no leader, busy, no space: safe to try again
    unknown = 5,       // no answer in time: a write may or may not have happened
    unauthorized = 6,
    sim_wrong = 10,      // `raftbus sim`: a rule is broken, or clients were told what can't be
    sim_stuck = 11,      // no progress although everything is well
    sim_crashed = 12,    // a check inside an actor failed
    sim_undecided = 13,  // the history was too hard to judge
    lock_lost = 74,      // `raftbus lock`: the command was ended, for the lock could not be kept
    fatal = 70,          // `raftbus node`: a failed disk or a bug
    interrupted = 130,   // SIGINT
    terminated = 143,    // SIGTERM
};

class Failure : public std::runtime_error {
public:
    // `next` is what the reader can do about it; may be empty. Neither ends with a full stop.
    Failure(Exit exit, const std::string& message, std::string next = {})
        : std::runtime_error(message), exit(exit), next(std::move(next)) {}

    Exit exit;
    std::string next;
};

}  // namespace raftbus::cli
