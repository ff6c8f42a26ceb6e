#include "sim/search_plan.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "messages/check.hpp"
#include "sim/register_moves.hpp"

namespace raftbus::sim {
namespace {

std::vector<Step> steps_by_begin(std::span<const Operation* const> operations) {
    const std::vector<RegisterMove> moves = moves_of(operations);
    std::vector<Step> steps;
    steps.reserve(operations.size());
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const Operation& operation = *operations[i];
        CHECK(operation.begin <= operation.end);
        CHECK(operation.is_unknown() == (operation.end == Moment::max()));
        if (moves[i].possible || !operation.is_unknown()) steps.push_back({&operation, moves[i]});
    }
    std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
        return std::tuple(a.operation->is_unknown(), a.operation->begin, a.operation->id) <
               std::tuple(b.operation->is_unknown(), b.operation->begin, b.operation->id);
    });
    return steps;
}

void lay_out_in_time(SearchPlan& plan) {
    struct Event {
        Moment at;
        bool is_end;
        Index step;
    };
    std::vector<Event> events;
    events.reserve(2 * plan.steps.size());
    for (Index i = 0; i < plan.steps.size(); ++i) {
        const Operation& operation = *plan.steps[i].operation;
        events.push_back({operation.begin, false, i});
        if (!operation.is_unknown()) events.push_back({operation.end, true, i});
    }
    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
        return std::tie(a.at, a.is_end, a.step) < std::tie(b.at, b.is_end, b.step);
    });
    plan.timeline = Timeline(events.size());
    for (Index i = 0; i < events.size(); ++i) {
        const auto [at, is_end, step] = events[i];
        const Index position = i + 1;
        (is_end ? plan.steps[step].end : plan.steps[step].begin) = position;
        if (step < plan.known_count) plan.timeline.append(position, step);
    }
}

// By the revision that a write got or an operation saw: the write first, then all who saw it.
void rank_by_revision(SearchPlan& plan) {
    struct Named {
        std::uint64_t revision;
        bool only_saw;
        Index step;
    };
    std::vector<Named> named;
    for (Index i = 0; i < plan.known_count; ++i) {
        const RegisterMove& move = plan.steps[i].move;
        if (move.revision)
            named.push_back({*move.revision, false, i});
        else if (move.saw)
            named.push_back({*move.saw, true, i});
    }
    std::sort(named.begin(), named.end(), [](const Named& a, const Named& b) {
        return std::tie(a.revision, a.only_saw) < std::tie(b.revision, b.only_saw);
    });
    const Named* previous = nullptr;
    for (const Named& name : named) {
        if (!previous || std::tie(previous->revision, previous->only_saw) !=
                             std::tie(name.revision, name.only_saw))
            plan.rank_sizes.push_back(0);
        plan.steps[name.step].rank = static_cast<Index>(plan.rank_sizes.size() - 1);
        ++plan.rank_sizes.back();
        previous = &name;
    }
}

// The three groups of PlacedBits.
void number_bits(SearchPlan& plan) {
    const auto number = [&](auto belongs) {
        std::size_t bit = 64 * plan.words;
        for (Step& step : plan.steps)
            if (belongs(step)) step.bit = bit++;
        const std::size_t words = (bit + 63) / 64 - plan.words;
        plan.words += words;
        return words;
    };
    plan.known_words = number([](const Step& step) { return !step.is_unknown(); });
    plan.unknown_words =
        number([](const Step& step) { return step.is_unknown() && !step.move.saw; });
    number([](const Step& step) { return step.is_unknown() && step.move.saw; });
}

// Unconditional writes that leave the same, as far as anybody can tell.
void pair_twins(SearchPlan& plan) {
    std::map<ValueName, Index> last;  // by what they set; erasing sets 0
    for (Index i = static_cast<Index>(plan.known_count); i < plan.steps.size(); ++i) {
        Step& step = plan.steps[i];
        if (step.move.looks) continue;
        const auto [twin, first] = last.try_emplace(step.move.sets, i);
        if (!first) step.twin_before = std::exchange(twin->second, i);
    }
}

}  // namespace

SearchPlan plan_search(std::span<const Operation* const> operations) {
    SearchPlan plan;
    plan.steps = steps_by_begin(operations);
    plan.known_count = static_cast<std::size_t>(
        std::count_if(plan.steps.begin(), plan.steps.end(),
                      [](const Step& step) { return !step.operation->is_unknown(); }));
    lay_out_in_time(plan);
    number_bits(plan);
    rank_by_revision(plan);
    pair_twins(plan);
    return plan;
}

}  // namespace raftbus::sim
