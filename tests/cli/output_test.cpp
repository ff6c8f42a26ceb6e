#include "cli/output.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <sstream>

namespace raftbus::cli {
namespace {

const Records kNodes{{"node", "role"},
                     {{std::uint64_t(1), "leader"}, {std::uint64_t(12), Value()}}};

struct Written {
    std::ostringstream out, err;
    Output output{out, err};
};

TEST(Output, TextHasColumnsUnderTheirNames) {
    EXPECT_EQ(aligned(kNodes),
              "node  role\n"
              "1     leader\n"
              "12    -\n");
}

TEST(Output, ATableIsBoxed) {
    EXPECT_EQ(boxed(kNodes, false),
              "+------+--------+\n"
              "| node | role   |\n"
              "+------+--------+\n"
              "| 1    | leader |\n"
              "| 12   | -      |\n"
              "+------+--------+\n");
    EXPECT_TRUE(boxed(kNodes, true).starts_with("┌──────┬────────┐\n│ node │"));
}

TEST(Output, WideCharactersTakeTheirColumns) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
    const Records records{{"key"}, {{Blob{"grün"}}, {Blob{"漢字"}}}};
    EXPECT_EQ(boxed(records, false),
              "+------+\n"
              "| key  |\n"
              "+------+\n"
              "| grün |\n"
              "| 漢字 |\n"
              "+------+\n");
}

TEST(Output, OnATerminalTheWidestColumnsGiveWay) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
    const Records records{{"node", "trouble"},
                          {{std::uint64_t(1), "cannot reach n2: connection refused"}}};
    EXPECT_EQ(boxed(records, false, 30),
              "+------+---------------------+\n"
              "| node | trouble             |\n"
              "+------+---------------------+\n"
              "| 1    | cannot reach n2: c… |\n"
              "+------+---------------------+\n");
    EXPECT_EQ(aligned(records, 20),
              "node  trouble\n"
              "1     cannot reach …\n");
    EXPECT_EQ(boxed(records, false, 30).find('\n'), 30u);
    EXPECT_EQ(boxed(records, false, 5), boxed(records, false, 19)) << "there is a limit to that";
    EXPECT_NE(boxed(records, false).find("connection refused"), std::string::npos);
}

TEST(Output, ListsAreTablesOnATerminalUnlessAskedOtherwise) {
    Written written;
    EXPECT_EQ(written.output.list_format(), Format::text);
    written.output.out_terminal = true;
    EXPECT_EQ(written.output.list_format(), Format::table);
    written.output.format_given = true;
    EXPECT_EQ(written.output.list_format(), Format::text);
}

TEST(Output, AListAsJsonIsOneArray) {
    Written written;
    written.output.format = Format::json;
    print_list(written.output, kNodes);
    EXPECT_EQ(written.out.str(),
              "[{\"node\":1,\"role\":\"leader\"},{\"node\":12,\"role\":null}]\n");
}

TEST(Output, NotesGoToStderr) {
    Written written;
    written.output.note("there is more");
    EXPECT_EQ(written.out.str(), "");
    EXPECT_EQ(written.err.str(), "there is more\n");
}

}  // namespace
}  // namespace raftbus::cli
