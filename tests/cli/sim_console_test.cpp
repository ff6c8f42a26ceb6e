#include "cli/sim_console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <sstream>

#include "cli/runner.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class Console : public testing::Test {
protected:
    // Types the lines to a calm cluster of three.
    Exit type(std::deque<std::string> lines) {
        SimSettings settings;
        settings.run = {.seed = 1, .nodes = 3, .clients = 0, .duration = 24h};
        settings.run.faults = sim::Faults();
        const LineSource source = [&](const std::string&) -> std::optional<std::string> {
            if (lines.empty()) return std::nullopt;
            std::string line = std::move(lines.front());
            lines.pop_front();
            return line;
        };
        Session session{no_options, output, nullptr, runner};
        return SimConsole(session, settings, source, false).run();
    }

    std::ostringstream out, err;
    Runner runner{out, err, [](const std::string&) { return std::nullopt; }, Terminal{}};
    Output output{out, err};
    const Options no_options;
};

TEST_F(Console, ClientsAreAnswered) {
    EXPECT_EQ(type({"set colour red", "get colour", "delete colour"}), Exit::done);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("OK revision 2\n"), HasSubstr("get colour\nred\n"),
                                 HasSubstr("OK revision 3\n")));
    EXPECT_EQ(type({"get nothing"}), Exit::answered_no);
    EXPECT_THAT(out.str(), HasSubstr("not found\n"));
}

TEST_F(Console, TimeStandsStillUntilItIsLetPass) {
    type({"show", "run 2s", "show"});
    EXPECT_THAT(out.str(), AllOf(HasSubstr("0.000 s> show\n"), HasSubstr("starting"),
                                 HasSubstr("2.000 s> show\n"), HasSubstr("leader")));
}

TEST_F(Console, WithoutAMajorityThereIsNoAnswerUntilItIsHealed) {
    EXPECT_EQ(type({"run 2s", "cut 1|2|3", "set k v", "heal", "run 5s", "get k"}), Exit::unknown);
    EXPECT_THAT(err.str(), AllOf(HasSubstr("no answer within 10 virtual seconds"),
                                 HasSubstr("line 3 failed (exit 5)")));
    EXPECT_THAT(out.str(), HasSubstr("get k\nv\n"));
}

TEST_F(Console, WhatIsCutCanBeSeen) {
    type({"run 1s", "cut 1>2", "show"});
    EXPECT_THAT(out.str(), AllOf(HasSubstr(">n2\n"), HasSubstr("<n1\n")));
}

TEST_F(Console, ProcessesDieAndComeBack) {
    EXPECT_EQ(type({"set k v", "kill 1", "show", "start 1", "crash 2", "start 2", "stop 3",
                    "start 3", "run 1s", "elect 3", "log 3", "finish"}),
              Exit::done);
    EXPECT_THAT(out.str(),
                AllOf(HasSubstr("n1 is killed"), HasSubstr("down"), HasSubstr("n2 loses power"),
                      HasSubstr("n3 stops"), HasSubstr("n3 leader of term"), HasSubstr("set k = v"),
                      HasSubstr("passed\n")));
}

TEST_F(Console, NodesJoinAndLeave) {
    EXPECT_EQ(
        type({"set k v", "add 4", "remove 1", "show", "get k", "kill 4", "start 4", "finish"}),
        Exit::done);
    EXPECT_THAT(out.str(),
                AllOf(HasSubstr("n4 joins"), HasSubstr("get k\nv\n"), HasSubstr("passed\n")));
    EXPECT_EQ(type({"add 5"}), Exit::refused);
    EXPECT_THAT(err.str(), HasSubstr("write add 4"));
}

TEST_F(Console, AStepShowsWhatWasTaken) {
    type({"run 2s", "step 2", "trace on", "get k", "trace off"});
    EXPECT_THAT(out.str(), AllOf(HasSubstr("<- "), HasSubstr("Get k")));
}

TEST_F(Console, ErrorsNameTheNextStep) {
    EXPECT_EQ(type({"kil 1", "kill", "kill 9", "start 1", "start 1", "cut 1", "run soon", "set k"}),
              Exit::refused);
    EXPECT_THAT(err.str(),
                AllOf(HasSubstr("did you mean kill?"), HasSubstr("write kill N"),
                      HasSubstr("there are 1 to 3"), HasSubstr("kill 1 ends it"),
                      HasSubstr("write 1,2|3"), HasSubstr("write 500ms"),
                      HasSubstr("write set KEY VALUE"), HasSubstr("line 8 failed (exit 2)")));
}

TEST_F(Console, AfterTheEndThereIsOnlyLooking) {
    EXPECT_EQ(type({"finish", "set k v", "show", "quit", "foo"}), Exit::refused);
    EXPECT_THAT(err.str(), HasSubstr("the run is over"));
    EXPECT_THAT(err.str(), testing::Not(HasSubstr("foo")));
}

TEST_F(Console, HelpListsEveryCommand) {
    type({"help"});
    for (const std::string& name : SimConsole::command_names())
        if (name != "exit") EXPECT_THAT(out.str(), HasSubstr("  " + name + " "));
}

}  // namespace
}  // namespace raftbus::cli
