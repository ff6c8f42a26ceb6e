#include "sim/register_moves.hpp"

#include <string_view>
#include <unordered_map>

#include "messages/check.hpp"

namespace raftbus::sim {
namespace {

class ValueNames {
public:
    // A name for `value`, which outlives this object.
    ValueName name(std::string_view value) {
        return names_.try_emplace(value, static_cast<ValueName>(kUnnamed + 1 + names_.size()))
            .first->second;
    }
    // Its name if it has got one, or else kUnnamed.
    ValueName known(std::string_view value) const {
        const auto found = names_.find(value);
        return found == names_.end() ? kUnnamed : found->second;
    }

private:
    std::unordered_map<std::string_view, ValueName> names_;
};

const Condition& condition_of(const Request& request) {
    static const Condition none;
    if (const Set* set = std::get_if<Set>(&request)) return set->condition;
    if (const Erase* erase = std::get_if<Erase>(&request)) return erase->condition;
    return none;
}

void need_presence(RegisterMove& move, bool present) {
    if (move.present && *move.present != present) move.possible = false;
    move.present = present;
}

// The condition held.
void need_condition(RegisterMove& move, const Condition& condition, ValueNames& names) {
    if (condition.if_revision) {
        need_presence(move, *condition.if_revision != 0);
        if (*condition.if_revision != 0) move.saw = condition.if_revision;
    }
    if (condition.if_value) {
        need_presence(move, true);
        move.value = names.name(*condition.if_value);
    }
    move.looks = condition.given();
}

// What an outcome says of the state before.
struct OutcomeNeeds {
    const Request& request;
    ValueNames& names;
    RegisterMove& move;

    bool is_get() const { return std::holds_alternative<Get>(request); }
    bool is_erase() const { return std::holds_alternative<Erase>(request); }

    void operator()(const Unknown&) const {
        if (is_get()) move.possible = false;
        need_condition(move, condition_of(request), names);
        if (is_erase()) need_presence(move, true);  // erasing what is not there has no effect
    }
    void operator()(const Found& found) const {
        CHECK(is_get());
        need_presence(move, true);
        move.value = names.name(found.value);
        move.saw = found.revision;
        move.looks = true;
    }
    void operator()(const Absent&) const {
        CHECK(is_get());
        need_presence(move, false);
        move.looks = true;
    }
    void operator()(const Written& written) const {
        CHECK(!is_get());
        need_condition(move, condition_of(request), names);
        move.revision = written.revision;
        if (!is_erase()) return;
        need_presence(move, written.found);
        move.looks = true;
    }
    void operator()(const ConditionFailed& failed) const {
        CHECK(!is_get());
        need_presence(move, failed.found);
        move.looks = true;
        const Condition& condition = condition_of(request);
        if (!failed.found) {
            const bool failed_for_absence =
                condition.if_value || condition.if_revision.value_or(0) != 0;
            if (!failed_for_absence || failed.revision != 0) move.possible = false;
            return;
        }
        move.saw = failed.revision;
        if (condition.if_revision && *condition.if_revision != failed.revision) return;
        if (condition.if_value)
            move.other_than = names.name(*condition.if_value);
        else
            move.possible = false;  // all that was asked for held
    }
};

}  // namespace

std::vector<RegisterMove> moves_of(std::span<const Operation* const> operations) {
    std::vector<RegisterMove> moves(operations.size());
    ValueNames names;
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const Operation& operation = *operations[i];
        std::visit(OutcomeNeeds{operation.request, names, moves[i]}, operation.outcome);
    }
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const Operation& operation = *operations[i];
        if (std::holds_alternative<ConditionFailed>(operation.outcome)) continue;
        if (const Set* set = std::get_if<Set>(&operation.request)) {
            moves[i].effect = RegisterMove::Effect::set;
            moves[i].sets = names.known(set->value);
        } else if (std::holds_alternative<Erase>(operation.request)) {
            moves[i].effect = RegisterMove::Effect::erase;
        }
    }
    return moves;
}

}  // namespace raftbus::sim
