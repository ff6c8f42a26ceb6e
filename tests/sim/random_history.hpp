// random_history: histories of a store that does what it should, and ways to spoil them.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "messages/random.hpp"
#include "sim/history.hpp"
#include "tests/sim/history_maker.hpp"

namespace raftbus::sim {

struct HistoryShape {
    int operations = 6;
    int clients = 3;
    int keys = 1;
    int values = 0;  // how many there are; 0: every SET has one of its own
    int unknown_percent = 10;
};

// What a correct store answers: operations of clients that wait for their answer, each executed at
// one moment of its interval, in the order of those moments. One of unknown outcome is executed
// late, or never. Every execution takes up a revision, now and then with a gap.
class RandomHistory {
public:
    RandomHistory(Random& random, const HistoryShape& shape) : random_(random), shape_(shape) {}

    History make() {
        std::vector<Planned> plan = make_plan();
        std::stable_sort(plan.begin(), plan.end(),
                         [](const Planned& a, const Planned& b) { return a.at_us < b.at_us; });
        History history;
        for (Planned& planned : plan) {
            execute(planned);
            history.push_back(std::move(planned.operation));
        }
        return history;
    }

private:
    struct Planned {
        Operation operation;
        std::int64_t at_us;
        bool executed;
    };
    struct Item {
        std::string value;
        std::uint64_t revision = 0;  // 0: absent
    };

    bool chance(int percent) { return random_.below(100) < static_cast<std::uint64_t>(percent); }

    std::vector<Planned> make_plan() {
        std::vector<std::int64_t> free_at_us(shape_.clients, 0);
        std::vector<Planned> plan;
        for (int i = 0; i < shape_.operations; ++i) {
            const std::uint32_t client = random_.below(shape_.clients);
            const bool unknown = chance(shape_.unknown_percent);
            const std::int64_t begin_us = free_at_us[client] + random_.below(1000);
            const std::int64_t at_us = begin_us + random_.below(unknown ? 20'000 : 2000);
            const std::int64_t end_us = at_us + random_.below(2000);
            free_at_us[client] = unknown ? begin_us + 3000 : end_us;
            Operation operation;
            operation.id = i + 1;
            operation.client = client + 1;
            operation.begin = Moment(Duration(begin_us));
            operation.end = unknown ? Moment::max() : Moment(Duration(end_us));
            operation.key = "k" + std::to_string(random_.below(shape_.keys));
            plan.push_back({std::move(operation), at_us, !unknown || chance(50)});
        }
        return plan;
    }

    std::string value() {
        if (shape_.values == 0) return "w" + std::to_string(++values_made_);
        return "w" + std::to_string(random_.below(shape_.values));
    }

    Condition condition(const Item& item) {
        Condition condition;
        if (chance(20))
            condition.if_revision = chance(70) ? item.revision : random_.below(last_ + 2);
        if (chance(15)) condition.if_value = chance(70) ? item.value : value();
        return condition;
    }

    void execute(Planned& planned) {
        Item& item = items_[planned.operation.key];
        if (chance(40)) {
            planned.operation.request = Get{};
        } else if (chance(70)) {
            planned.operation.request = Set{value(), condition(item)};
        } else {
            planned.operation.request = Erase{condition(item)};
        }
        const Outcome outcome =
            planned.executed ? outcome_of(planned.operation.request, item) : Unknown{};
        planned.operation.outcome =
            planned.operation.end == Moment::max() ? Outcome(Unknown{}) : outcome;
    }

    Outcome outcome_of(const Request& request, Item& item) {
        if (std::holds_alternative<Get>(request)) {
            if (item.revision == 0) return Absent{};
            return Found{item.value, item.revision};
        }
        const Set* set = std::get_if<Set>(&request);
        const Condition& asked = set ? set->condition : std::get<Erase>(request).condition;
        last_ += chance(10) ? 2 : 1;
        if ((asked.if_revision && *asked.if_revision != item.revision) ||
            (asked.if_value && (item.revision == 0 || *asked.if_value != item.value)))
            return ConditionFailed{item.revision != 0, item.revision};
        const bool found = item.revision != 0;
        item = set ? Item{set->value, last_} : Item{};
        return Written{last_, !set && found};
    }

    Random& random_;
    HistoryShape shape_;
    std::map<std::string, Item> items_;
    std::uint64_t last_ = 0;  // revision
    int values_made_ = 0;
};

// One outcome of one operation becomes another, which may be wrong.
inline void spoil(History& history, Random& random) {
    const auto shift = [&](std::uint64_t& revision) {
        revision = revision <= 1 || random.below(2) == 0 ? revision + 1 : revision - 1;
    };
    Operation& operation = history[random.below(history.size())];
    if (Found* found = std::get_if<Found>(&operation.outcome)) {
        switch (random.below(3)) {
            case 0:
                operation.outcome = Absent{};
                break;
            case 1:
                shift(found->revision);
                break;
            default:
                found->value = "w" + std::to_string(random.below(4));
        }
    } else if (std::holds_alternative<Absent>(operation.outcome)) {
        operation.outcome = Found{"w1", 1 + random.below(6)};
    } else if (Written* written = std::get_if<Written>(&operation.outcome)) {
        if (std::holds_alternative<Erase>(operation.request) && random.below(2) == 0)
            written->found = !written->found;
        else
            shift(written->revision);
    } else if (ConditionFailed* failed = std::get_if<ConditionFailed>(&operation.outcome)) {
        if (failed->found && random.below(2) == 0)
            shift(failed->revision);
        else
            operation.outcome = Written{1 + random.below(8), false};
    }
}

}  // namespace raftbus::sim
