// history: what clients asked of the cluster, and what they were told, as plain data.
//
// Owns: one record per operation of a client, and its rendering on one line. Must not know: who
// made the operations, how they were carried, what is checked about them.
//
// What is recorded: linearizable GETs, SETs and DELETEs that were answered, and those whose outcome
// is unknown (TIMEOUT, or no answer at all). What certainly was not executed is left out, and so
// are local reads. A SCAN is recorded as one Get per key, all of the scan's interval.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/local.hpp"
#include "messages/types.hpp"

namespace raftbus::sim {

// ---- what was asked

// All that is given has to hold of the key, or the write does nothing. As client::Condition, but
// with bytes of its own.
struct Condition {
    std::optional<std::uint64_t> if_revision;  // of its last write; 0: only if the key is absent
    std::optional<std::string> if_value;
    bool given() const { return if_revision || if_value; }
};
struct Get {};
struct Set {
    std::string value;
    Condition condition;
};
struct Erase {
    Condition condition;
};
using Request = std::variant<Get, Set, Erase>;

// ---- what came of it

// Executed once, at some time after it was asked, or never.
struct Unknown {};
// To a Get: what it found.
struct Found {
    std::string value;
    std::uint64_t revision = 0;
};
// To a Get: the key is not there.
struct Absent {};
// `Written` answers a Set or an Erase, `ConditionFailed` one with a condition; a Get that is
// unknown says nothing, but may be recorded.
using Outcome = std::variant<Unknown, Found, Absent, Written, ConditionFailed>;

struct Operation {
    std::uint64_t id = 0;      // unique in a history; for whoever looks it up in a trace
    std::uint32_t client = 0;  // for reports: a client may have many operations in flight
    Moment begin;              // before the request left
    Moment end;                // after the reply came; Moment::max() if and only if it is unknown
    std::string key;
    Request request;
    Outcome outcome;

    bool is_unknown() const { return std::holds_alternative<Unknown>(outcome); }
};
// In any order.
using History = std::vector<Operation>;

// "c2 set k7=w41 -> rev 118 [1.204s .. 1.310s]", with "(op 17)" at its end. Milliseconds, or
// microseconds where there are any.
std::string to_text(const Operation& operation);
// Without outcome and interval: "c2 set k7=w41".
std::string to_text_asked(const Operation& operation);

}  // namespace raftbus::sim
