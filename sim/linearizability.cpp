#include "sim/linearizability.hpp"

#include <map>
#include <optional>
#include <string_view>

#include "messages/client.hpp"
#include "sim/revision_order.hpp"

namespace raftbus::sim {
namespace {

std::vector<Operation> copies_of(const std::vector<const Operation*>& operations) {
    std::vector<Operation> copies;
    for (const Operation* operation : operations) copies.push_back(*operation);
    return copies;
}

struct VerdictText {
    std::string operator()(const Linearizable&) const { return "linearizable"; }
    std::string operator()(const Undecided& undecided) const {
        return "undecided: the search on key " + client::printable(undecided.key) + " was given up";
    }
    std::string operator()(const NotLinearizable& stuck) const {
        std::string text = "not linearizable: key " + client::printable(stuck.key);
        if (!stuck.reason.empty()) text += ": " + stuck.reason;
        text += "\n  this is in order, and nothing can follow:";
        if (stuck.placed.empty()) text += "\n    (the absent key)";
        for (const Operation& operation : stuck.placed) text += "\n    " + to_text(operation);
        text += "\n  of what was in flight:";
        for (const Operation& operation : stuck.waiting) text += "\n    " + to_text(operation);
        return text;
    }
};

}  // namespace

Verdict check_linearizability(const History& history, std::uint64_t states_max) {
    std::map<std::string_view, std::vector<const Operation*>> keys;
    for (const Operation& operation : history) keys[operation.key].push_back(&operation);

    std::optional<Undecided> undecided;
    for (const auto& [key, operations] : keys) {
        const auto result = search_linearization(operations, states_max);
        if (const Stuck* stuck = std::get_if<Stuck>(&result))
            return NotLinearizable{std::string(key), check_revisions(operations).value_or(""),
                                   copies_of(stuck->placed), copies_of(stuck->waiting)};
        if (std::holds_alternative<GaveUp>(result) && !undecided)
            undecided = Undecided{std::string(key)};
    }
    if (undecided) return *undecided;
    return Linearizable{};
}

std::string to_text(const Verdict& verdict) {
    return std::visit(VerdictText{}, verdict);
}

}  // namespace raftbus::sim
