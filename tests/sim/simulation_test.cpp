// Whole runs: the same seed makes the same run, what a plan leaves out changes nothing else, and
// the rare branches that the simulator exists for do come about.

#include "sim/simulation.hpp"

#include <gtest/gtest.h>

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

// What the actors say when they take a rare branch.
class Marks : public Watcher {
public:
    void on_log(Moment, Address, LogLevel, std::string_view text) override { note(text); }
    void on_event(Moment, std::string_view text) override { note(text); }
    std::set<std::string> missing{
        "something was lost on the way",    // appends were, and heartbeats show it
        "no room on the disk for the log",  // P5
        "there is room on the disk",        // and it goes on by itself
        "stepping down",                    // check-quorum
        "handing leadership over",          // transfer
        "the own disk does not answer",     // a hung sync
        "the connection to leader",         // fast failover
        "the campaign got no majority",     // split votes
        "the state is flushed",             //
        "ends: a sync failed",              // P4
        "loses power",                      //
        "is not heard any more",            //
    };

private:
    void note(std::string_view text) {
        std::erase_if(missing, [&](const std::string& mark) {
            return text.find(mark) != std::string_view::npos;
        });
    }
};

TEST(Simulation, RareBranchesAreTaken) {
    Marks marks;
    for (std::uint64_t seed = 1; seed <= 60 && !marks.missing.empty(); ++seed) {
        RunOptions options = run_of(seed, 15s);
        options.watcher = &marks;
        const RunResult result = simulate(options);
        EXPECT_FALSE(result.failed()) << "seed " << seed << ": " << result.what;
    }
    for (const std::string& mark : marks.missing) ADD_FAILURE() << "never seen: " << mark;
}

}  // namespace
}  // namespace raftbus::sim
