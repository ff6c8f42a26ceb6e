// register_moves: operations on one key, translated into moves of a register.
//
// Owns: what outcomes mean (docs/protocol.md). Must not know: time, the search.
#pragma once

#include <span>
#include <vector>

#include "sim/history.hpp"
#include "sim/register_model.hpp"

namespace raftbus::sim {

// The name that all values share which no outcome and no condition speaks of: nobody can tell one
// of them from another.
inline constexpr ValueName kUnnamed = 1;

// One move per operation, in order. A write of unknown outcome becomes the move that it would be if
// it took effect; one that can't have any, and a Get of unknown outcome, is not `possible`.
std::vector<RegisterMove> moves_of(std::span<const Operation* const> operations);

}  // namespace raftbus::sim
