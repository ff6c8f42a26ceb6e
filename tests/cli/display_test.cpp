#include "cli/display.hpp"

#include <gtest/gtest.h>

#include "cli/json.hpp"

namespace raftbus::cli {
namespace {

TEST(Display, EscapesWhatDoesNotPrint) {
    EXPECT_EQ(escaped("plain grün"), "plain grün");
    EXPECT_EQ(escaped(std::string_view("a\0b\n", 4)), "a\\x00b\\x0a");
    EXPECT_EQ(escaped("\xff\x80"), "\\xff\\x80");
    EXPECT_EQ(escaped("back\\slash"), "back\\\\slash");
}

TEST(Display, KnowsUtf8FromOtherBytes) {
    EXPECT_TRUE(is_utf8("grün 🙂"));
    EXPECT_FALSE(is_utf8("\xc0\x80"));          // overlong
    EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
    EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // beyond the last code point
    EXPECT_FALSE(is_utf8("cut \xe2\x82"));
}

TEST(Json, BytesAreAStringWhenTheyAreUtf8AndBase64Otherwise) {
    EXPECT_EQ(to_json(Blob{"grün"}), "\"grün\"");
    EXPECT_EQ(to_json(Blob{"\xff\x00"}), R"({"base64":"/w=="})");
    EXPECT_EQ(to_json(Blob{std::string("\xff\x00", 2)}), R"({"base64":"/wA="})");
    EXPECT_EQ(to_json(Blob{""}), "\"\"");
}

TEST(Json, KeepsTheOrderOfFields) {
    const Value value = Value::Map{{"z", 1}, {"a", Value::List{true, Value(), "x"}}};
    EXPECT_EQ(to_json(value), R"({"z":1,"a":[true,null,"x"]})");
}

TEST(Json, Base64PadsToFours) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace raftbus::cli
