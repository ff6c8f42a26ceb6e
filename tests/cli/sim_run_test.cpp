// `raftbus sim` as it is typed, and runs that fail because somebody meddles with them.
#include "cli/sim_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "cli/runner.hpp"
#include "cli/sim_seeds.hpp"
#include "messages/check.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// No vote ever arrives: nobody can lead.
class NoVotes : public sim::Tamper {
public:
    bool on_receive(sim::SimNode&, Envelope&, AnyMessage& message) override {
        return !std::holds_alternative<PreVoteReply>(message);
    }
};

// An actor that does not survive becoming a candidate.
class NoCandidates : public sim::Tamper {
public:
    bool on_receive(sim::SimNode&, Envelope&, AnyMessage& message) override {
        CHECK(!std::holds_alternative<RequestVote>(message), "a candidate");
        return true;
    }
};

class Simulations : public testing::Test {
protected:
    Exit run(std::vector<std::string> words) {
        words.insert(words.begin(), "sim");
        return runner.run(words);
    }
    Session session(const Options& options) { return {options, output, nullptr, runner}; }
    // Three nodes for a second, without faults.
    static SimSettings short_run(sim::Tamper* tamper) {
        SimSettings settings;
        settings.run = {.seed = 1, .nodes = 3, .clients = 1, .duration = 1s};
        settings.run.faults = sim::Faults();
        settings.run.tamper = tamper;
        return settings;
    }

    std::ostringstream out, err;
    Runner runner{out, err, [](const std::string&) { return std::nullopt; }, Terminal{}};
    Output output{out, err};
    const Options no_options;
};

TEST_F(Simulations, ARunEndsWithItsSummary) {
    EXPECT_EQ(run({"--seed", "1", "--nodes", "3", "--duration", "2s"}), Exit::done);
    EXPECT_THAT(out.str(), AllOf(StartsWith("passed: seed 1, 3 nodes"), HasSubstr("hash")));
    EXPECT_EQ(err.str(), "");
}

TEST_F(Simulations, NewsAndMessagesWhereTheyAreAskedFor) {
    run({"--seed", "1", "--nodes", "3", "--duration", "1s", "--faults", "none", "--verbose"});
    EXPECT_THAT(out.str(), AllOf(HasSubstr("n1 is up\n"), HasSubstr(" leader of term 1")));
    out.str("");
    run({"--seed", "1", "--nodes", "3", "--duration", "1s", "--faults", "none", "--trace", "--type",
         "RequestVote"});
    EXPECT_THAT(out.str(), AllOf(HasSubstr("-> n"), HasSubstr("RequestVote term=1"),
                                 Not(HasSubstr("PreVote term"))));
    out.str("");
    run({"--seed", "1", "--nodes", "3", "--duration", "1s", "--faults", "none", "--trace", "--view",
         "diagram", "--type", "RequestVote"});
    EXPECT_THAT(out.str(), HasSubstr("RequestVote->|"));
}

TEST_F(Simulations, NoProgress) {
    NoVotes tamper;
    SimSettings settings = short_run(&tamper);
    settings.shrink = false;
    Session run = session(no_options);
    EXPECT_EQ(play_seed(run, settings), Exit::sim_stuck);
    EXPECT_THAT(out.str(),
                AllOf(HasSubstr("no leader"), HasSubstr("The last messages before it:"),
                      HasSubstr("Play it again: raftbus sim --seed 1 --nodes 3 --clients 1 "
                                "--duration 1s --faults none\n")));
}

TEST_F(Simulations, ACrashIsMadeSmaller) {
    NoCandidates tamper;
    SimSettings settings = short_run(&tamper);
    settings.view = TraceView::diagram;
    Session run = session(no_options);
    EXPECT_EQ(play_seed(run, settings), Exit::sim_crashed);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("a candidate"), HasSubstr("-PreVoteReply-"),
                                 HasSubstr("The same, smaller: raftbus sim --seed 1")));
}

TEST_F(Simulations, ManySeedsGoOnAfterAFailure) {
    NoCandidates tamper;
    SimSettings settings = short_run(&tamper);
    settings.seeds = SeedRange{1, 5};
    settings.jobs = 2;
    Session run = session(no_options);
    EXPECT_EQ(play_seeds(run, settings), Exit::sim_crashed);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("seed 3: crashed at"),
                                 HasSubstr("  raftbus sim --seed 5 --nodes 3"),
                                 HasSubstr("5 crashed\n  seeds       5 of 5 (1 to 5)\n")));
}

TEST_F(Simulations, ManySeedsUntilOneFails) {
    NoCandidates tamper;
    SimSettings settings = short_run(&tamper);
    settings.seeds = SeedRange{1, 1000};
    settings.stop_on_failure = true;
    output.format = Format::json;
    Session run = session(no_options);
    EXPECT_EQ(play_seeds(run, settings), Exit::sim_crashed);
    EXPECT_THAT(out.str(), AllOf(StartsWith(R"({"first":1,"last":1000,"played":1,"failed":1,)"),
                                 HasSubstr(R"("failures":[{"verdict":"crashed",)")));
}

}  // namespace
}  // namespace raftbus::cli
