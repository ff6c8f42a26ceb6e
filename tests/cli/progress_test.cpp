#include "cli/progress.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace raftbus::cli {
namespace {

TEST(Progress, BytesReadInTheirOwnWords) {
    EXPECT_EQ(bytes_text(0), "0 bytes");
    EXPECT_EQ(bytes_text(1023), "1023 bytes");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(3ULL << 30), "3.0 GiB");
}

TEST(Progress, TheBarIsAsFullAsTheWorkIsDone) {
    EXPECT_EQ(progress_bar(0, 10, false), "[....................]");
    EXPECT_EQ(progress_bar(5, 10, false), "[##########..........]");
    EXPECT_EQ(progress_bar(10, 10, false), "[####################]");
    EXPECT_EQ(progress_bar(0, 0, false), "[####################]") << "nothing was to be done";
    EXPECT_EQ(progress_bar(10, 10, true).substr(1, 3), "█");
}

TEST(Progress, IsShownOnATerminalAloneAndGoesWithTheObject) {
    std::ostringstream out, err;
    Output output{out, err};
    Progress(output).bytes("reading", 10, 10);
    EXPECT_EQ(err.str(), "");
    output.err_terminal = true;
    {
        Progress progress(output);
        progress.count("importing", 3, 3, "keys");
        EXPECT_NE(err.str().find("importing [####################] 100 %  3 of 3 keys"),
                  std::string::npos);
    }
    EXPECT_TRUE(err.str().ends_with("\r\x1b[K"));
    EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace raftbus::cli
