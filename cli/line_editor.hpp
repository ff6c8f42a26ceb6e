// line_editor: a line from a terminal, with editing, history and completion.
//
// Owns: libedit, and the history file. Must not know: what lines mean.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace raftbus::cli {

class LineEditor {
public:
    // Candidates for the text that stands before the cursor from `start` on; each replaces it. The
    // completer sets `start`.
    using Completer =
        std::function<std::vector<std::string>(const std::string& before, std::size_t& start)>;

    // History is kept in the file; its folders are made. Empty: no file.
    LineEditor(std::string history_file, Completer completer);
    ~LineEditor();

    // None: end of input. Ctrl-C gives an empty line.
    std::optional<std::string> read(const std::string& prompt);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace raftbus::cli
