// linearizability: judges a history of client operations, key by key.
//
// Owns: the verdict and the words for it. Must not know: where the history comes from.
//
// Linearizability is local (Herlihy & Wing 1990): a history is linearizable if and only if what
// happened to each key is. What holds across keys, that there is one log, revision_order checks.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "sim/history.hpp"
#include "sim/register_search.hpp"

namespace raftbus::sim {

struct NotLinearizable {
    std::string key;
    std::string reason;  // in words, where there is a simple one; or empty
    // Where the longest linearization got stuck: its last few operations, and those that were in
    // flight then, none of which can come next.
    std::vector<Operation> placed;
    std::vector<Operation> waiting;
};
// The search was given up. A verdict about the search, not about the history.
struct Undecided {
    std::string key;
};
using Verdict = std::variant<Linearizable, NotLinearizable, Undecided>;

// States that are visited per key at most: some 100 MB and a second, where a history that is
// linearizable commonly visits little more than one per operation.
inline constexpr std::uint64_t kStatesMax = 300'000;

// NotLinearizable comes before Undecided, and the lower key first.
Verdict check_linearizability(const History& history, std::uint64_t states_max = kStatesMax);

// Several lines: the key, the reason, the operations one per line.
std::string to_text(const Verdict& verdict);

}  // namespace raftbus::sim
