#include "sim/dead_states.hpp"

#include <algorithm>

#include "messages/random.hpp"

namespace raftbus::sim {

std::size_t DeadStates::Hash::operator()(std::size_t key) const {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < of->known_words_ + 2; ++i)
        hash = splitmix(hash ^ of->arena_[key + i]);
    return hash;
}

bool DeadStates::Equal::operator()(std::size_t a, std::size_t b) const {
    const std::uint64_t* arena = of->arena_.data();
    return std::equal(arena + a, arena + a + of->known_words_ + 2, arena + b);
}

// Of an absent key nobody sees the revision, so it is a bound only and no part of the key.
std::size_t DeadStates::append_key(const PlacedBits& placed, const RegisterState& state) {
    const std::size_t key = arena_.size();
    arena_.insert(arena_.end(), placed.begin(), placed.begin() + known_words_);
    arena_.push_back(state.present ? state.revision : 0);
    arena_.push_back(std::uint64_t{state.value} << 3 | std::uint64_t{state.present} << 2 |
                     std::uint64_t{state.exact} << 1 | std::uint64_t{state.owes_a_look});
    return key;
}

bool DeadStates::is_worse(const PlacedBits& placed, const RegisterState& state,
                          const Rest& than) const {
    if (state.revision < than.revision) return false;
    for (std::size_t i = 0; i < than.unknown.size(); ++i)
        if (than.unknown[i] & ~placed[known_words_ + i]) return false;
    return true;
}

bool DeadStates::covers(const PlacedBits& placed, const RegisterState& state) {
    if (dead_.empty()) return false;
    const std::size_t key = append_key(placed, state);
    const auto found = dead_.find(key);
    arena_.resize(key);
    if (found == dead_.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(),
                       [&](const Rest& rest) { return is_worse(placed, state, rest); });
}

void DeadStates::add(const PlacedBits& placed, const RegisterState& state) {
    const std::size_t key = append_key(placed, state);
    const auto [entry, first] = dead_.try_emplace(key);
    if (!first) arena_.resize(key);
    const auto unknown = placed.begin() + known_words_;
    entry->second.push_back({PlacedBits(unknown, unknown + unknown_words_), state.revision});
}

}  // namespace raftbus::sim
