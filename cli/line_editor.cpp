#include "cli/line_editor.hpp"

#include <fmt/format.h>
#include <histedit.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cli/interrupt.hpp"

namespace raftbus::cli {
namespace {

constexpr int kHistoryLines = 1000;

bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // UTF-8
}

// How many of libedit's characters the text is, which are not bytes.
int characters_in(const std::string& text) {
    const std::size_t count = std::mbstowcs(nullptr, text.c_str(), 0);
    return static_cast<int>(count == static_cast<std::size_t>(-1) ? text.size() : count);
}

// Ends before a character that they do not share as a whole.
std::string common_start(const std::vector<std::string>& words) {
    std::string common = words.front();
    for (const std::string& word : words) {
        const auto end =
            std::mismatch(common.begin(), common.end(), word.begin(), word.end()).first;
        std::size_t length = static_cast<std::size_t>(end - common.begin());
        while (length > 0 && ((length < common.size() && !begins_character(common[length])) ||
                              (length < word.size() && !begins_character(word[length]))))
            --length;
        common.resize(length);
    }
    return common;
}

}  // namespace

class LineEditor::Impl {
public:
    Impl(std::string history_file, Completer completer)
        : history_file_(std::move(history_file)),
          completer_(std::move(completer)),
          editor_(el_init("raftbus", stdin, stdout, stderr)),
          history_(history_init()) {
        HistEvent event;
        history(history_, &event, H_SETSIZE, kHistoryLines);
        history(history_, &event, H_SETUNIQUE, 1);
        if (!history_file_.empty()) {
            std::error_code ignored;
            std::filesystem::create_directories(std::filesystem::path(history_file_).parent_path(),
                                                ignored);
            history(history_, &event, H_LOAD, history_file_.c_str());
        }
        el_set(editor_, EL_CLIENTDATA, this);
        el_set(editor_, EL_PROMPT, &Impl::prompt_of);
        el_set(editor_, EL_EDITOR, "emacs");
        el_set(editor_, EL_HIST, history, history_);
        // The wide form keeps the names where they are; the narrow one copies and never frees them.
        el_wset(editor_, EL_ADDFN, L"raftbus-complete", L"complete the word", &Impl::complete);
        el_set(editor_, EL_BIND, "^I", "raftbus-complete", nullptr);
        el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    }
    ~Impl() {
        history_end(history_);
        el_end(editor_);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    std::optional<std::string> read(const std::string& prompt) {
        prompt_ = prompt;
        int count = 0;
        const char* line = el_gets(editor_, &count);
        if (line == nullptr || count <= 0) {
            std::fputc('\n', stdout);
            if (interrupt_pending() == 0) return std::nullopt;
            throw_unless_sigint();
            clear_interrupt();
            el_reset(editor_);
            return std::string{};
        }
        std::string text(line);
        while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
        remember(text);
        return text;
    }

private:
    // Saved at once: a terminal may be closed at any moment.
    void remember(const std::string& line) {
        if (line.find_first_not_of(" \t") == std::string::npos) return;
        HistEvent event;
        history(history_, &event, H_ENTER, line.c_str());
        if (!history_file_.empty()) history(history_, &event, H_SAVE, history_file_.c_str());
    }

    static Impl* of(EditLine* editor) {
        void* self = nullptr;
        el_get(editor, EL_CLIENTDATA, &self);
        return static_cast<Impl*>(self);
    }
    static char* prompt_of(EditLine* editor) { return of(editor)->prompt_.data(); }

    static void throw_unless_sigint() {
        constexpr int kSigint = 2;
        if (interrupt_pending() != kSigint) throw_if_interrupted();
    }

    // Inserts what all candidates have in common; if that is nothing, lists them.
    static unsigned char complete(EditLine* editor, wint_t) {
        Impl& self = *of(editor);
        const LineInfo* info = el_line(editor);
        const std::string before(info->buffer, info->cursor);
        std::size_t start = before.size();
        const std::vector<std::string> words = self.completer_(before, start);
        if (words.empty()) return CC_REFRESH_BEEP;
        std::string inserted = common_start(words);
        const std::size_t typed = before.size() - start;
        if (words.size() == 1) inserted += ' ';
        if (words.size() > 1 && inserted.size() <= typed) {
            std::fputc('\n', stdout);
            for (const std::string& word : words) fmt::print("{}  ", word);
            std::fputc('\n', stdout);
            return CC_REDISPLAY;
        }
        el_deletestr(editor, characters_in(before.substr(start)));
        el_insertstr(editor, inserted.c_str());
        return CC_REFRESH;
    }

    std::string history_file_;
    Completer completer_;
    EditLine* editor_;
    History* history_;
    std::string prompt_;
};

LineEditor::LineEditor(std::string history_file, Completer completer)
    : impl_(std::make_unique<Impl>(std::move(history_file), std::move(completer))) {}
LineEditor::~LineEditor() = default;
std::optional<std::string> LineEditor::read(const std::string& prompt) {
    return impl_->read(prompt);
}

}  // namespace raftbus::cli
