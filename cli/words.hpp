// words: a line of the shell as words, quoted as in redis-cli.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/result.hpp"

namespace raftbus::cli {

// Blanks separate words. "…" knows \n \r \t \a \b \xNN and a backslash before anything else; '…'
// knows
// \' alone; outside of quotes \xNN and \\ are undone, because that is how values are printed. The
// error says what does not close.
Result<std::vector<std::string>> split_words(std::string_view line);

// The word so that split_words gives it back.
std::string quoted_word(std::string_view word);

// Where the word that is being typed at the end of the line begins.
std::size_t last_word_start(std::string_view line);

}  // namespace raftbus::cli
