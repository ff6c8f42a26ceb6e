// Whole runs: the same seed makes the same run, what a plan leaves out changes nothing else, and
// the rare branches that the simulator exists for do come about.

#include "sim/simulation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <set>

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;

RunOptions run_of(std::uint64_t seed, Duration duration) {
    RunOptions options;
    options.seed = seed;
    options.duration = duration;
    return options;
}

TEST(Simulation, TheSameSeedMakesTheSameRun) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const RunResult once = simulate(run_of(seed, 4s));
        const RunResult again = simulate(run_of(seed, 4s));
        EXPECT_EQ(once.hash, again.hash) << "seed " << seed;
        EXPECT_EQ(once.steps, again.steps);
        EXPECT_EQ(once.what, again.what);
        EXPECT_EQ(once.at, again.at);
    }
}

TEST(Simulation, AnotherSeedMakesAnotherRun) {
    EXPECT_NE(simulate(run_of(1, 2s)).hash, simulate(run_of(2, 2s)).hash);
}

TEST(Simulation, WatchingChangesNothing) {
    class Tracing : public Watcher {
    public:
        bool traces() const override { return true; }
        void on_trace(const TraceEvent&) override { ++events; }
        std::size_t events = 0;
    } watcher;
    RunOptions options = run_of(3, 2s);
    const std::uint64_t unwatched = simulate(options).hash;
    options.watcher = &watcher;
    EXPECT_EQ(simulate(options).hash, unwatched);
    EXPECT_GT(watcher.events, 100u);
}

TEST(Simulation, WithoutFaultsOneLeaderAnswersEverything) {
    RunOptions options = run_of(5, 10s);
    options.faults = Faults();
    const RunResult result = simulate(options);
    EXPECT_EQ(result.ending, Ending::passed) << result.what;
    EXPECT_EQ(result.unknown, 0u);
    EXPECT_LE(result.terms_led, 2u);
    EXPECT_GT(result.answered, 10u);
}

TEST(Plan, LeavingAStrikeOutChangesNoOther) {
    const Plan all = make_plan(run_of(11, 60s));
    ASSERT_GT(all.strikes.size(), 3u);
    RunOptions fewer = run_of(11, 60s);
    fewer.strikes = {all.strikes[1].number, all.strikes[3].number};
    const Plan some = make_plan(fewer);
    ASSERT_EQ(some.strikes.size(), 2u);
    for (const std::size_t i : {0, 1}) {
        const Strike& kept = all.strikes[2 * i + 1];
        EXPECT_EQ(some.strikes[i].at, kept.at);
        EXPECT_EQ(some.strikes[i].fault, kept.fault);
        EXPECT_EQ(some.strikes[i].seed, kept.seed);
    }
}

TEST(Plan, EveryFaultIsDrawnAndSomeRunsLackIt) {
    Faults seen, lacked;
    std::set<Fault> struck;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const Plan plan = make_plan(run_of(seed, 60s));
        seen |= plan.faults;
        lacked |= ~plan.faults;
        for (const Strike& strike : plan.strikes) struck.insert(strike.fault);
    }
    EXPECT_TRUE(seen.all()) << to_text(~seen);
    EXPECT_TRUE(lacked.all()) << to_text(~lacked);
    EXPECT_EQ(struck.size(), kFaults - 4) << "all but the weather strike";
}

TEST(Plan, FaultsHaveNames) {
    for (std::size_t f = 0; f < kFaults; ++f) {
        const auto fault = static_cast<Fault>(f);
        EXPECT_EQ(fault_from_text(to_string(fault)), fault);
    }
    EXPECT_EQ(fault_from_text("bad-luck"), std::nullopt);
}

// Seeds that once failed: keys that ended early, a conflict repeated for ever, a loss that was not
// noticed.
TEST(Simulation, SeedsThatOnceFailed) {
    for (const std::uint64_t seed : {901'630u, 911'652u, 1'002'045u}) {
        RunOptions options;
        options.seed = seed;
        options.nodes = 3;
        const RunResult result = simulate(options);
        EXPECT_FALSE(result.failed()) << "seed " << seed << ": " << result.what;
    }
}

// What is said when a rare branch is taken, and what brings it about.
struct Mark {
    std::string says;
    std::optional<Fault> by;  // none: it comes by itself
    Duration lasts_min = 0s;  // of a strike
};

void PrintTo(const Mark& mark, std::ostream* out) {
    *out << mark.says;
}

class Listener : public Watcher {
public:
    explicit Listener(std::string mark) : mark_(std::move(mark)) {}
    void on_log(Moment, Address, LogLevel, std::string_view text) override { note(text); }
    void on_event(Moment, std::string_view text) override { note(text); }
    bool heard = false;

private:
    void note(std::string_view text) { heard |= text.find(mark_) != std::string_view::npos; }
    const std::string mark_;
};

class RareBranch : public ::testing::TestWithParam<Mark> {};

TEST_P(RareBranch, IsTaken) {
    const auto& [says, by, lasts_min] = GetParam();
    Listener listener(says);
    constexpr int kRunsMax = 12;
    for (std::uint64_t seed = 1, runs = 0; runs < kRunsMax && !listener.heard; ++seed) {
        RunOptions options = run_of(seed, 15s);
        options.nodes = 3;
        options.faults = Faults();
        if (by) options.faults->set(static_cast<std::size_t>(*by));
        options.watcher = &listener;
        const std::vector<Strike> strikes = make_plan(options).strikes;
        const bool long_enough =
            std::any_of(strikes.begin(), strikes.end(),
                        [min = lasts_min](const Strike& strike) { return strike.lasts >= min; });
        if (by >= Fault::cut && !long_enough) continue;
        ++runs;
        const RunResult result = simulate(options);
        EXPECT_FALSE(result.failed()) << "seed " << seed << ": " << result.what;
    }
    EXPECT_TRUE(listener.heard);
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, RareBranch,
    ::testing::Values(Mark{"something was lost on the way", Fault::loss},
                      Mark{"no room on the disk for the log", Fault::full_disk, 2s},
                      Mark{"there is room on the disk", Fault::full_disk, 2s},
                      Mark{"stepping down", Fault::partition, 1s},
                      Mark{"handing leadership over", Fault::elect},
                      Mark{"the own disk does not answer", Fault::hang, 3s},
                      Mark{"the connection to leader", Fault::crash},
                      Mark{"is no longer heard", Fault::pause, 2s},
                      Mark{"ends: a sync failed", Fault::sync_error},
                      Mark{"loses power", Fault::power}, Mark{"stops", Fault::stop},
                      Mark{"it gets a snapshot", Fault::partition, 2s},
                      Mark{"took the state's place", Fault::partition, 2s},
                      Mark{"the state is flushed", std::nullopt}));

}  // namespace
}  // namespace raftbus::sim
