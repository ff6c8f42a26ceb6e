#include "cli/words.hpp"

#include <fmt/format.h>

#include <cctype>
#include <optional>

#include "cli/display.hpp"

namespace raftbus::cli {
namespace {

bool is_blank(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
    return std::nullopt;
}

class Splitter {
public:
    explicit Splitter(std::string_view line) : rest_(line) {}

    Result<std::vector<std::string>> split() {
        std::vector<std::string> words;
        for (;;) {
            while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
            if (rest_.empty()) return words;
            std::string word;
            const char quote = rest_.front();
            const bool is_quoted = quote == '"' || quote == '\'';
            if (is_quoted && !take_quoted(word)) {
                return Error{fmt::format(
                    "the quote {} is not closed, or something follows it at once", quote)};
            }
            if (!is_quoted) take_plain(word);
            words.push_back(std::move(word));
        }
    }

private:
    bool take_quoted(std::string& word) {
        const char quote = take();
        while (!rest_.empty() && rest_.front() != quote) {
            if (rest_.front() != '\\')
                word += take();
            else if (quote == '\'')
                take_in_single(word);
            else
                take_escape(word);
        }
        if (rest_.empty()) return false;
        take();
        return rest_.empty() || is_blank(rest_.front());
    }

    void take_plain(std::string& word) {
        while (!rest_.empty() && !is_blank(rest_.front())) {
            if (take_hex(word)) continue;
            if (rest_.starts_with("\\\\")) rest_.remove_prefix(1);
            word += take();
        }
    }

    void take_in_single(std::string& word) {
        if (rest_.starts_with("\\'")) rest_.remove_prefix(1);
        word += take();
    }

    void take_escape(std::string& word) {
        if (take_hex(word)) return;
        take();
        if (rest_.empty()) return;
        const char c = take();
        switch (c) {
            case 'n':
                word += '\n';
                break;
            case 'r':
                word += '\r';
                break;
            case 't':
                word += '\t';
                break;
            case 'a':
                word += '\a';
                break;
            case 'b':
                word += '\b';
                break;
            default:
                word += c;
        }
    }

    bool take_hex(std::string& word) {
        if (!rest_.starts_with("\\x") || rest_.size() < 4) return false;
        const auto high = hex_digit(rest_[2]);
        const auto low = hex_digit(rest_[3]);
        if (!high || !low) return false;
        word += static_cast<char>(*high << 4 | *low);
        rest_.remove_prefix(4);
        return true;
    }

    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    std::string_view rest_;
};

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view line) {
    return Splitter(line).split();
}

std::string quoted_word(std::string_view word) {
    const bool plain =
        !word.empty() && word.find_first_of(" \t\n\r\v\f\"'") == std::string_view::npos;
    if (plain) return escaped(word);
    std::string inside;
    for (const char c : escaped(word)) {
        if (c == '"') inside += '\\';
        inside += c;
    }
    return '"' + inside + '"';
}

std::size_t last_word_start(std::string_view line) {
    std::size_t start = 0;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == '\\')
                ++i;
            else if (c == quote)
                quote = 0;
        } else if (is_blank(c)) {
            start = i + 1;
        } else if (i == start && (c == '"' || c == '\'')) {
            quote = c;
        }
    }
    return start;
}

}  // namespace raftbus::cli
