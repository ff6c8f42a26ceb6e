#include "sim/register_model.hpp"

namespace raftbus::sim {
namespace {

// The state as `move` must have seen it; none if this can't have been it.
std::optional<RegisterState> seen_by(const RegisterMove& move, RegisterState state) {
    if (!move.possible) return std::nullopt;
    if (state.owes_a_look && !move.looks) return std::nullopt;
    if (move.present && *move.present != state.present) return std::nullopt;
    if (move.value && *move.value != state.value) return std::nullopt;
    if (move.other_than && *move.other_than == state.value) return std::nullopt;
    if (move.saw) {
        const bool fits = state.exact ? *move.saw == state.revision : *move.saw >= state.revision;
        if (!fits) return std::nullopt;
        state.revision = *move.saw;
        state.exact = true;
    }
    state.owes_a_look = false;
    return state;
}

}  // namespace

std::optional<RegisterState> RegisterMove::apply(const RegisterState& before) const {
    std::optional<RegisterState> state = seen_by(*this, before);
    if (!state || effect == Effect::none) return state;
    if (revision && *revision <= state->revision) return std::nullopt;

    state->present = effect == Effect::set;
    state->value = state->present ? sets : 0;
    state->revision = revision.value_or(state->revision + 1);
    // A key that is absent has revision 0 whoever erased it: nothing is open about it.
    state->exact = revision || !state->present;
    state->owes_a_look = !revision;
    return state;
}

}  // namespace raftbus::sim
