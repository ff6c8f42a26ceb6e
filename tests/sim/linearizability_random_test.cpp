// The checker beside a brute force that tries every order, on thousands of small histories; and on
// histories as large as the simulator's.
#include <gtest/gtest.h>

#include "sim/linearizability.hpp"
#include "sim/revision_order.hpp"
#include "tests/sim/random_history.hpp"

namespace raftbus::sim {
namespace {

// Tries every order that real time permits, with and without each operation of unknown outcome, and
// every revision that an unknown write might have got. Nothing is clever here.
class BruteForce {
public:
    explicit BruteForce(const History& history) : history_(history), placed_(history.size()) {}

    bool linearizable() { return can_go_on({}); }

private:
    static constexpr std::uint64_t kRevisionMax = 16;  // greater than any in the histories below
    struct State {
        bool present = false;
        std::string value;
        std::uint64_t revision = 0;  // of the present key, or 0
        std::uint64_t last = 0;      // revision of any write
    };

    bool can_go_on(const State& state) {
        Moment first_end = Moment::max();
        for (std::size_t i = 0; i < history_.size(); ++i)
            if (!placed_[i]) first_end = std::min(first_end, history_[i].end);
        if (first_end == Moment::max()) return true;
        for (std::size_t i = 0; i < history_.size(); ++i) {
            if (placed_[i] || history_[i].begin > first_end) continue;
            placed_[i] = true;
            const bool good = can_come_next(history_[i], state);
            placed_[i] = false;
            if (good) return true;
        }
        return false;
    }

    bool can_come_next(const Operation& operation, const State& state) {
        if (std::holds_alternative<Found>(operation.outcome)) {
            const Found& found = std::get<Found>(operation.outcome);
            return state.present && state.value == found.value &&
                   state.revision == found.revision && can_go_on(state);
        }
        if (std::holds_alternative<Absent>(operation.outcome))
            return !state.present && can_go_on(state);
        if (std::holds_alternative<Get>(operation.request)) return can_go_on(state);

        const bool held = holds(operation.request, state);
        if (const auto* failed = std::get_if<ConditionFailed>(&operation.outcome))
            return !held && failed->found == state.present && failed->revision == state.revision &&
                   can_go_on(state);
        if (const auto* written = std::get_if<Written>(&operation.outcome)) {
            const bool erase = std::holds_alternative<Erase>(operation.request);
            return held && written->revision > state.last &&
                   (!erase || written->found == state.present) &&
                   can_go_on(after(operation.request, written->revision));
        }
        if (!held) return can_go_on(state);
        for (std::uint64_t revision = state.last + 1; revision <= kRevisionMax; ++revision)
            if (can_go_on(after(operation.request, revision))) return true;
        return false;
    }

    static bool holds(const Request& request, const State& state) {
        const Set* set = std::get_if<Set>(&request);
        const Condition& condition = set ? set->condition : std::get<Erase>(request).condition;
        if (condition.if_revision && *condition.if_revision != state.revision) return false;
        return !condition.if_value || (state.present && *condition.if_value == state.value);
    }

    static State after(const Request& request, std::uint64_t revision) {
        if (const Set* set = std::get_if<Set>(&request))
            return {true, set->value, revision, revision};
        return {false, "", 0, revision};
    }

    const History& history_;
    std::vector<bool> placed_;
};

std::string all_of(const History& history) {
    std::string text;
    for (const Operation& operation : history) text += to_text(operation) + "\n";
    return text;
}

struct Counts {
    int good = 0;
    int bad = 0;
};

// Both judges on `runs` histories of the shape, spoilt `spoils` times each.
Counts compare(std::uint64_t seed, int runs, const HistoryShape& shape, int spoils) {
    Random random(seed);
    Counts counts;
    for (int run = 0; run < runs; ++run) {
        History history = RandomHistory(random, shape).make();
        for (int i = 0; i < spoils; ++i) spoil(history, random);
        const bool expected = BruteForce(history).linearizable();
        const Verdict verdict = check_linearizability(history);
        ++(expected ? counts.good : counts.bad);
        EXPECT_EQ(std::holds_alternative<Linearizable>(verdict), expected)
            << all_of(history) << to_text(verdict);
        if (expected) {
            EXPECT_EQ(check_revisions(history), std::nullopt) << all_of(history);
        }
        if (testing::Test::HasFailure()) break;
    }
    return counts;
}

TEST(LinearizabilityAgainstBruteForce, OfWhatACorrectStoreDoes) {
    const HistoryShape shape{.operations = 6, .clients = 3, .unknown_percent = 20};
    EXPECT_EQ(compare(1, 2000, shape, 0).bad, 0);
}

TEST(LinearizabilityAgainstBruteForce, OfWhatWasSpoilt) {
    const HistoryShape shape{.operations = 6, .clients = 4, .unknown_percent = 20};
    const Counts counts = compare(2, 4000, shape, 1);
    EXPECT_GT(counts.good, 400);
    EXPECT_GT(counts.bad, 400);
}

TEST(LinearizabilityAgainstBruteForce, OfFewValuesAndManyUnknownOutcomes) {
    const HistoryShape shape{.operations = 6, .clients = 4, .values = 2, .unknown_percent = 50};
    const Counts counts = compare(3, 2000, shape, 2);
    EXPECT_GT(counts.good, 400);
    EXPECT_GT(counts.bad, 400);
}

TEST(LinearizabilityAgainstBruteForce, OfMuchConcurrency) {
    const HistoryShape shape{.operations = 6, .clients = 6, .values = 3, .unknown_percent = 30};
    const Counts counts = compare(4, 3000, shape, 1);
    EXPECT_GT(counts.good, 400);
    EXPECT_GT(counts.bad, 400);
}

TEST(LinearizabilityOfLargeHistories, IsFoundWithoutTurningBackMuch) {
    for (const HistoryShape& shape :
         {HistoryShape{.operations = 2000, .clients = 10, .keys = 1, .unknown_percent = 10},
          HistoryShape{.operations = 3000, .clients = 4, .keys = 20, .unknown_percent = 5},
          HistoryShape{.operations = 2000, .clients = 10, .keys = 5, .unknown_percent = 30},
          HistoryShape{
              .operations = 1000, .clients = 10, .keys = 1, .values = 5, .unknown_percent = 10}}) {
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            Random random(seed);
            const History history = RandomHistory(random, shape).make();
            const Verdict verdict = check_linearizability(history, 2 * shape.operations);
            EXPECT_TRUE(std::holds_alternative<Linearizable>(verdict))
                << "seed " << seed << ": " << to_text(verdict);
            EXPECT_EQ(check_revisions(history), std::nullopt) << "seed " << seed;
        }
    }
}

TEST(LinearizabilityOfLargeHistories, IsDecidedWhenOneOutcomeIsWrong) {
    const HistoryShape shape{.operations = 2000, .clients = 10, .keys = 2, .unknown_percent = 10};
    int bad = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        Random random(seed);
        History history = RandomHistory(random, shape).make();
        spoil(history, random);
        const Verdict verdict = check_linearizability(history, 10 * shape.operations);
        EXPECT_FALSE(std::holds_alternative<Undecided>(verdict))
            << "seed " << seed << ": " << to_text(verdict);
        bad += std::holds_alternative<NotLinearizable>(verdict);
    }
    EXPECT_GT(bad, 10);
}

}  // namespace
}  // namespace raftbus::sim
