#include "cli/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace raftbus::cli {
namespace {

using testing::ElementsAre;

TEST(Words, AreSeparatedByBlanks) {
    EXPECT_THAT(*split_words("  set  k\tv "), ElementsAre("set", "k", "v"));
    EXPECT_THAT(*split_words(""), ElementsAre());
}

TEST(Words, DoubleQuotesKnowEscapes) {
    EXPECT_THAT(*split_words(R"(set "two words" "a\x41\n\"\\")"),
                ElementsAre("set", "two words", "aA\n\"\\"));
    EXPECT_THAT(*split_words(R"(set k "")"), ElementsAre("set", "k", ""));
}

TEST(Words, SingleQuotesAreLiteralButForThemselves) {
    EXPECT_THAT(*split_words(R"(set 'it\'s' '\x41')"), ElementsAre("set", "it's", "\\x41"));
}

TEST(Words, WhatTextOutputEscapesIsUndoneWithoutQuotes) {
    EXPECT_THAT(*split_words(R"(get a\x00b\\c)"), ElementsAre("get", std::string("a\0b\\c", 5)));
    EXPECT_THAT(*split_words(R"(get a\n)"), ElementsAre("get", "a\\n"));
}

TEST(Words, AnOpenQuoteIsAnError) {
    EXPECT_FALSE(split_words("set \"k").ok());
    EXPECT_FALSE(split_words("set 'k'v").ok());
}

TEST(Words, QuotedWordsComeBack) {
    for (const std::string& word :
         {std::string("plain"), std::string("two words"), std::string("q\"uote"),
          std::string("\0\xff", 2), std::string("back\\slash"), std::string()}) {
        EXPECT_THAT(*split_words(quoted_word(word)), ElementsAre(word)) << quoted_word(word);
    }
}

TEST(Words, TheLastWordIsTheOneBeingTyped) {
    EXPECT_EQ(last_word_start("get us"), 4U);
    EXPECT_EQ(last_word_start("get "), 4U);
    EXPECT_EQ(last_word_start("get \"two wo"), 4U);
    EXPECT_EQ(last_word_start("ge"), 0U);
}

}  // namespace
}  // namespace raftbus::cli
