#include "cli/sim_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/json.hpp"
#include "cli/sim_progress.hpp"
#include "cli/sim_screen.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using sim::Ending;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

SimReport report(Ending ending) {
    SimReport report;
    report.asked.seed = 7;
    report.nodes = 3;
    report.clients = 2;
    report.result.ending = ending;
    report.result.hash = 0xab;
    report.result.messages = 1'234'567;
    report.result.terms_led = 1;
    report.result.lives = 5;
    report.done = true;
    report.took = 60s;
    report.wall_s = 0.5;
    return report;
}

TEST(SimSummary, TellsWhatWentOn) {
    std::ostringstream out, err;
    const Output output{out, err};
    EXPECT_THAT(
        summary_text(output, report(Ending::passed)),
        AllOf(StartsWith("passed: seed 7, 3 nodes, 2 clients\n"), HasSubstr("1,234,567 messages"),
              HasSubstr("in 1 term\n"), HasSubstr("restarts    2\n"),
              HasSubstr("120 times as fast"), HasSubstr("hash        00000000000000ab\n")));
    SimReport interrupted = report(Ending::passed);
    interrupted.done = false;
    EXPECT_THAT(summary_text(output, interrupted), StartsWith("interrupted: seed 7"));
}

TEST(SimSummary, AsARecord) {
    SimReport failed = report(Ending::wrong);
    failed.result.what = "two leaders";
    EXPECT_THAT(to_json(summary_record(failed)),
                AllOf(StartsWith(R"({"verdict":"wrong","what":"two leaders","seed":7,)"),
                      HasSubstr(R"("hash":"00000000000000ab","replay":"raftbus sim --seed 7"})")));
}

TEST(SimSummary, EveryVerdictHasAnExitCodeOfItsOwn) {
    EXPECT_EQ(static_cast<int>(exit_of(Ending::passed)), 0);
    EXPECT_EQ(static_cast<int>(exit_of(Ending::wrong)), 10);
    EXPECT_EQ(static_cast<int>(exit_of(Ending::stuck)), 11);
    EXPECT_EQ(static_cast<int>(exit_of(Ending::crashed)), 12);
    EXPECT_EQ(static_cast<int>(exit_of(Ending::undecided)), 13);
}

TEST(SimSummary, OfSeveralTheGravestCounts) {
    EXPECT_EQ(graver(Exit::done, Exit::sim_undecided), Exit::sim_undecided);
    EXPECT_EQ(graver(Exit::sim_stuck, Exit::sim_crashed), Exit::sim_crashed);
    EXPECT_EQ(graver(Exit::sim_wrong, Exit::sim_crashed), Exit::sim_wrong);
    EXPECT_EQ(graver(Exit::done, Exit::done), Exit::done);
}

TEST(SimProgress, ABarAndWhatIsLeft) {
    SeedTotals totals;
    totals.planned = 100;
    EXPECT_EQ(progress_line(totals, false),
              "[....................]  0/100 seeds, 0 failed, 0.0 a second, 0.0 times as fast");
    totals.played = 40;
    totals.failed = 2;
    totals.took = 2400s;
    totals.wall_s = 8;
    EXPECT_EQ(progress_line(totals, false),
              "[########............]  40/100 seeds, 2 failed, 5.0 a second, 300 times as fast, "
              "0:12 left");
    EXPECT_EQ(clock_text(3725), "1:02:05");
}

TEST(SimScreen, DrawsOverWhatItDrewBefore) {
    std::ostringstream out;
    SimScreen screen(out);
    screen.draw({"one", "two"});
    EXPECT_THAT(out.str(), HasSubstr("one\x1b[K\ntwo\x1b[K\n"));
    out.str("");
    screen.draw({"three"});
    EXPECT_THAT(out.str(), AllOf(StartsWith("\x1b[2A"), HasSubstr("three\x1b[K\n")));
    out.str("");
    screen.clear();
    EXPECT_EQ(out.str(), "\x1b[1A\x1b[J");
    out.str("");
    screen.clear();
    EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace raftbus::cli
