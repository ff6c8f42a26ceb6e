// register_search: whether the operations on one key have a linearization.
//
// Owns: the search and what it may leave out. Must not know: keys, words, other keys' operations.
//
// A key is a register that is absent or holds a value under a revision. The operations are
// linearizable if they can be put into one order that respects real time (what ended before another
// began comes before it), that explains every outcome, and in which the revisions of the writes
// rise; an operation of unknown outcome may stand anywhere after its begin, once, or be left out.
// What ends in the very moment in which another begins counts as concurrent with it.
//
// The search is Wing & Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's list
// and memory of states ("Testing for linearizability", 2017); what it cuts off is argued in
// register_search.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "sim/history.hpp"

namespace raftbus::sim {

struct Linearizable {};
// The longest linearization there is ends before all known outcomes are explained.
struct Stuck {
    std::vector<const Operation*> placed;   // the last few operations of that linearization
    std::vector<const Operation*> waiting;  // those in flight then, none of which can come next
};
struct GaveUp {};

// `operations` are of one key, in any order, and outlive the result. Gives up after `states_max`
// states. An outcome that does not belong to its request is a bug of the recorder (CHECKed).
std::variant<Linearizable, Stuck, GaveUp> search_linearization(
    std::span<const Operation* const> operations, std::uint64_t states_max);

}  // namespace raftbus::sim
