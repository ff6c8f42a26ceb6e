// A failing run is made smaller for as long as it fails alike.

#include "sim/shrink.hpp"

#include <gtest/gtest.h>

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;

// A world in which the second start of a process is a bug.
class NoRestarts : public Tamper {
public:
    bool on_receive(SimNode& node, Envelope&, AnyMessage&) override {
        if (node.life() > 1) throw RuleBroken("a process was started again");
        return true;
    }
};

TEST(Shrink, OneStrikeIsLeftOfMany) {
    NoRestarts bug;
    RunOptions options;
    options.seed = 4;
    options.duration = 20s;
    options.faults = all_faults();
    options.tamper = &bug;
    const RunResult failed = simulate(options);
    ASSERT_EQ(failed.ending, Ending::wrong);
    ASSERT_GT(make_plan(options).strikes.size(), 5u);

    const Shrunk shrunk = shrink(options, failed);
    EXPECT_EQ(shrunk.options.strikes->size(), 1u);
    EXPECT_EQ(shrunk.options.nodes, 1u);
    EXPECT_EQ(shrunk.options.clients, 0u);
    EXPECT_EQ(shrunk.options.faults->count(), 1u) << to_text(*shrunk.options.faults);
    EXPECT_LT(shrunk.options.duration, failed.at + 2ms);
    const RunResult replayed = simulate(shrunk.options);
    EXPECT_EQ(replayed.ending, Ending::wrong);
    EXPECT_EQ(replayed.what, "a process was started again");
    EXPECT_EQ(replayed.hash, shrunk.result.hash);
}

TEST(Shrink, StopsWhenTold) {
    NoRestarts bug;
    RunOptions options;
    options.seed = 4;
    options.duration = 20s;
    options.tamper = &bug;
    const RunResult failed = simulate(options);
    EXPECT_EQ(shrink(options, failed, 5).tries, 5u);
    EXPECT_EQ(shrink(options, failed, 200, [] { return false; }).tries, 0u);
}

}  // namespace
}  // namespace raftbus::sim
