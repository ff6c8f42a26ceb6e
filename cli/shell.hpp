// shell: line after line, each a command of raftbus without the word raftbus.
//
// Owns: the loop, the prompt, the numbered menu. Must not know: what the commands do.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/verb.hpp"

namespace raftbus::cli {

// Where lines come from: the line editor, or a pipe. None: no more.
using LineSource = std::function<std::optional<std::string>(const std::string& prompt)>;

class Shell {
public:
    // With `interactive` there are prompts; otherwise errors name the line.
    Shell(Session& session, LineSource lines, bool interactive);

    // Until the lines end, or one of them is `exit`. The first failure of a line's command if lines
    // come from a pipe; on a terminal always done.
    Exit run();

private:
    enum class Next { more, leave };

    Next take(const std::string& line);
    void run_command(const std::vector<std::string>& words);
    Next menu();
    enum class Choice { another, back, leave };  // back to the prompt; leave the shell
    Choice choose(const std::string& choice);
    void propose();
    std::string prompt();

    Session& session_;
    LineSource lines_;
    bool interactive_;
    std::size_t line_number_ = 0;
    Exit first_failure_ = Exit::done;
};

}  // namespace raftbus::cli
