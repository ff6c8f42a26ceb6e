// runner: from words to a verb that has run, and from whatever happened to an exit code.
//
// Owns: dispatch, the common options, the one place where failures are printed, and the clients,
// which live from one line of the shell to the next.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "cli/verb.hpp"

namespace raftbus::cli {

// What the process is connected to.
struct Terminal {
    bool in = false;
    bool out = false;
    bool plain = false;  // no colour wanted: NO_COLOR, or TERM=dumb
    bool utf8 = false;   // the locale's encoding
    bool err = false;
    std::size_t columns = 0;  // of `out`; 0: it is no terminal, or does not tell
};
Terminal process_terminal();

class Runner {
public:
    Runner(std::ostream& out, std::ostream& err, Environment environment, Terminal terminal);

    // Runs one command. Prints what goes wrong on `err`.
    Exit run(const std::vector<std::string>& arguments);

    // From now on commands come from the shell: these options hold unless a line says otherwise.
    void enter_shell(const Options& options);
    bool in_shell() const { return in_shell_; }

    const Environment& environment() const { return environment_; }
    const Terminal& terminal() const { return terminal_; }

private:
    [[noreturn]] void throw_unwritten();
    Exit dispatch(const std::vector<std::string>& arguments);
    Exit run_verb(const Verb& verb, const std::vector<std::string>& arguments);
    Exit run_without_verb(const std::vector<std::string>& arguments);
    void resolve_common(Options& options) const;
    Output output_for(const Options& options) const;
    Client& client_for(const Options& options);

    std::ostream& out_;
    std::ostream& err_;
    Environment environment_;
    Terminal terminal_;
    bool in_shell_ = false;
    Options shell_options_;
    std::vector<std::unique_ptr<Client>>
        clients_;  // one per set of endpoints and timeout that was used
};

}  // namespace raftbus::cli
