#include "cli/sim_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/failure.hpp"
#include "cli/sim_replay.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using sim::Fault;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

SimSettings settings(const std::vector<std::string>& arguments, bool watched = false) {
    const Options options = parse_arguments(sim_option_specs(), arguments);
    return sim_settings(
        options, [] { return 4711; }, watched);
}

std::string refusal(const std::vector<std::string>& arguments) {
    try {
        settings(arguments);
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.exit, Exit::refused);
        return std::string(failure.what()) + " | " + failure.next;
    }
    return "not refused";
}

TEST(SimSettings, WhatChoosesMessagesNeedsTrace) {
    EXPECT_THAT(refusal({"--view", "diagram"}), HasSubstr("--view needs --trace"));
    EXPECT_THAT(refusal({"--seed", "1", "--type", "Propose"}), HasSubstr("--type needs --trace"));
    EXPECT_EQ(refusal({"--trace", "--view", "diagram"}), "not refused");
    EXPECT_EQ(refusal({"--interactive", "--type", "Propose"}), "not refused") << "trace on";
}

TEST(SimSettings, WithoutASeedOneIsDrawn) {
    EXPECT_EQ(settings({}).run.seed, 4711U);
    EXPECT_EQ(settings({"--seed", "5"}).run.seed, 5U);
}

TEST(SimSettings, WhatIsNotGivenIsLeftToTheSeed) {
    const sim::RunOptions run = settings({"--faults", "all"}).run;
    EXPECT_FALSE(run.nodes);
    EXPECT_FALSE(run.clients);
    EXPECT_FALSE(run.faults);
    EXPECT_FALSE(run.strikes);
    EXPECT_EQ(run.duration, 60s);
}

TEST(SimSettings, FaultsByName) {
    const sim::Faults faults = settings({"--faults", "crash,slow-disk"}).run.faults.value();
    EXPECT_EQ(faults.count(), 2U);
    EXPECT_TRUE(has(faults, Fault::crash));
    EXPECT_TRUE(has(faults, Fault::slow_disk));
    EXPECT_TRUE(settings({"--faults", "none"}).run.faults.value().none());
    EXPECT_TRUE(has(settings({"--without", "rot"}).run.without, Fault::rot));
    EXPECT_THAT(refusal({"--faults", "crsh"}),
                AllOf(HasSubstr("--faults crsh"), HasSubstr("did you mean crash?")));
}

TEST(SimSettings, Ranges) {
    EXPECT_EQ(settings({"--seeds", "3..9"}).seeds.value(), (SeedRange{3, 9}));
    EXPECT_THAT(refusal({"--seeds", "9..3"}), HasSubstr("write 3..9"));
    EXPECT_THAT(refusal({"--seeds", "3"}), HasSubstr("1..1000"));
    EXPECT_THAT(refusal({"--seeds", "1..2", "--seed", "1"}), HasSubstr("exclude each other"));
    EXPECT_THAT(refusal({"--seeds", "1..2", "--interactive"}), HasSubstr("exclude each other"));
    EXPECT_THAT(refusal({"--nodes", "16"}), HasSubstr("from 1 to 15"));
    EXPECT_THAT(refusal({"--duration", "0"}), HasSubstr("more than nothing"));
}

TEST(SimSettings, StrikesByNumber) {
    EXPECT_THAT(settings({"--strikes", "3,7"}).run.strikes.value(), ElementsAre(3, 7));
    EXPECT_THAT(settings({"--strikes", "none"}).run.strikes.value(), ElementsAre());
    EXPECT_THAT(refusal({"--strikes", "3,x"}), HasSubstr("--strikes x"));
}

TEST(SimSettings, OnlyWhatIsWatchedIsPaced) {
    EXPECT_EQ(settings({}, true).speed, 10);
    EXPECT_EQ(settings({}, false).speed, 0);
    EXPECT_EQ(settings({"--speed", "0.5"}, true).speed, 0.5);
    EXPECT_EQ(settings({"--speed", "max"}, true).speed, 0);
    EXPECT_THAT(refusal({"--speed", "fast"}), HasSubstr("--speed fast"));
}

TEST(SimSettings, ByHandThereIsOnlyWhatIsAskedFor) {
    const sim::RunOptions calm = settings({"--interactive"}).run;
    EXPECT_TRUE(calm.faults.value().none());
    EXPECT_EQ(calm.clients, 0U);
    const sim::RunOptions wild = settings({"--interactive", "--faults", "all"}).run;
    EXPECT_FALSE(wild.faults);
    EXPECT_FALSE(wild.clients);
}

TEST(SimReplay, SaysWhatWasAskedForAndNoMore) {
    EXPECT_EQ(replay_command({.seed = 7}), "raftbus sim --seed 7");
    sim::RunOptions run{.seed = 8, .nodes = 3, .clients = 2, .duration = 1500ms};
    run.faults = faults_from("crash,power", "");
    run.without = faults_from("rot", "");
    run.strikes = {3, 7};
    EXPECT_EQ(replay_command(run),
              "raftbus sim --seed 8 --nodes 3 --clients 2 --duration 1500ms --faults crash,power "
              "--without rot --strikes 3,7");
    run.strikes = std::vector<std::size_t>{};
    EXPECT_THAT(replay_command(run), HasSubstr("--strikes none"));
}

TEST(SimReplay, TheCommandAsksForTheSameRun) {
    sim::RunOptions run{.seed = 9, .nodes = 5, .clients = 0, .duration = 1234567us};
    run.faults = sim::Faults();
    run.strikes = {1};
    const std::string command = replay_command(run);
    std::vector<std::string> words = split(command, ' ');
    words.erase(words.begin(), words.begin() + 2);
    EXPECT_EQ(replay_command(settings(words).run), command);
}

}  // namespace
}  // namespace raftbus::cli
