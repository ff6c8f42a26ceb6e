// dead_states: the memory of the linearizability search.
//
// Owns: which states were searched in vain. Must not know: how the search goes. It fills only when
// the search turns back, so an easy history never pays for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sim/register_model.hpp"

namespace raftbus::sim {

// Which operations are placed, a bit each. Three groups, each in words of its own: operations of
// known outcome; unknown writes that may take effect at any revision; unknown writes whose
// condition asks for one revision.
using PlacedBits = std::vector<std::uint64_t>;

// An exact set of (placed operations, the register after them). It also answers for what is worse
// than a dead state: the same known operations and the same register, but more unknown writes used
// up, or a greater bound on the revisions to come. The third group does not count: once one of it
// is placed the revision that it asks for is gone, so it would be of no use to anybody.
class DeadStates {
public:
    DeadStates(std::size_t known_words, std::size_t unknown_words)
        : known_words_(known_words),
          unknown_words_(unknown_words),
          dead_(0, Hash{this}, Equal{this}) {}
    DeadStates(const DeadStates&) = delete;
    DeadStates& operator=(const DeadStates&) = delete;

    // Whether this state, or one that it is no better than, was added.
    bool covers(const PlacedBits& placed, const RegisterState& state);
    void add(const PlacedBits& placed, const RegisterState& state);

private:
    struct Rest {  // what a state has beside its key
        PlacedBits unknown;
        std::uint64_t revision;
    };
    // Keys are offsets of known_words_ + 2 words in the arena.
    struct Hash {
        const DeadStates* of;
        std::size_t operator()(std::size_t key) const;
    };
    struct Equal {
        const DeadStates* of;
        bool operator()(std::size_t a, std::size_t b) const;
    };
    std::size_t append_key(const PlacedBits& placed, const RegisterState& state);
    bool is_worse(const PlacedBits& placed, const RegisterState& state, const Rest& than) const;

    std::size_t known_words_;    // of the first group
    std::size_t unknown_words_;  // of the second
    std::vector<std::uint64_t> arena_;
    std::unordered_map<std::size_t, std::vector<Rest>, Hash, Equal> dead_;  // never iterated
};

}  // namespace raftbus::sim
