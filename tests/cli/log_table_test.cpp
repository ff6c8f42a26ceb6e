#include "cli/log_table.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace raftbus::cli {
namespace {

Value entry(std::uint64_t index, std::uint64_t term, const char* kind, const char* key = "",
            const char* value = "") {
    return Value::Map{{"index", index}, {"term", term},     {"leader", std::uint64_t(2)},
                      {"kind", kind},   {"key", Blob{key}}, {"value", Blob{value}}};
}

TEST(LogTable, HasThePlainHeader) {
    std::ostringstream out, err;
    const Output output{out, err};
    print_log(
        output, 1,
        {entry(1, 1, "no-op"), entry(2, 1, "set", "colour", "red"), entry(3, 2, "delete", "k")});
    EXPECT_EQ(out.str(),
              "Machine ID | Index | Term | Value | Leader Id\n"
              "1          | 1     | 1    | no-op            | 2\n"
              "1          | 2     | 1    | set colour = red | 2\n"
              "1          | 3     | 2    | delete k         | 2\n");
}

TEST(LogTable, SideBySideMarksWhereLogsDiffer) {
    std::ostringstream out, err;
    const Output output{out, err};
    const NodeLog one{1,
                      2,
                      {{1, entry(1, 1, "no-op")},
                       {2, entry(2, 1, "set", "a", "1")},
                       {3, entry(3, 1, "set", "b", "1")}}};
    const NodeLog two{
        2,
        2,
        {{1, entry(1, 1, "no-op")}, {2, entry(2, 1, "set", "a", "1")}, {3, entry(3, 2, "no-op")}}};
    const NodeLog three{3, 1, {{2, entry(2, 1, "set", "a", "1")}}};
    EXPECT_EQ(print_side_by_side(output, {one, two, three}), 1U);
    EXPECT_EQ(out.str(),
              "index  n1                   n2               n3\n"
              "1      t1 no-op             t1 no-op         \n"
              "2      t1 set a = 1         t1 set a = 1     t1 set a = 1 (open)\n"
              "3 !    t1 set b = 1 (open)  t2 no-op (open)  \n");
}

}  // namespace
}  // namespace raftbus::cli
