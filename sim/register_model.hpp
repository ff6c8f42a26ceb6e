// register_model: a key as a register, and operations as steps of it.
//
// Owns: what an outcome says about the state before, and what an operation does to it. Must not
// know: time, other operations, the search.
#pragma once

#include <cstdint>
#include <optional>

namespace raftbus::sim {

// Values are compared only for being equal; see register_moves.
using ValueName = std::uint32_t;

// What is known of a key between two operations.
struct RegisterState {
    bool present = false;
    ValueName value = 0;         // 0 while absent
    std::uint64_t revision = 0;  // of the last write, an erasing one included; at least, if !exact
    bool exact = true;           // false: that write's outcome is unknown, and nobody saw it yet
    bool owes_a_look = false;    // that write was put here for the next operation to see
    bool operator==(const RegisterState&) const = default;
};

// An operation as a step: what it needs of the state before, and what it leaves. A Get that found
// nothing and a failed condition are steps without effect.
struct RegisterMove {
    enum class Effect : std::uint8_t { none, set, erase };

    bool possible = true;  // false: no state at all explains this outcome
    std::optional<bool> present;
    std::optional<ValueName> value;
    std::optional<ValueName> other_than;  // the value must not be this one
    std::optional<std::uint64_t> saw;     // the present key's revision
    bool looks = false;                   // its outcome depends on the state
    Effect effect = Effect::none;
    ValueName sets = 0;
    std::optional<std::uint64_t> revision;  // of a write that was acknowledged

    // The state after `before`, or none if this move can't come there.
    std::optional<RegisterState> apply(const RegisterState& before) const;
};

}  // namespace raftbus::sim
