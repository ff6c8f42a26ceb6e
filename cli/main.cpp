// raftbus: the one program. Everything it can do is in the table of verbs (verb.hpp).
#include <clocale>
#include <iostream>

#include "cli/runner.hpp"

int main(int argc, char** argv) {
    std::setlocale(LC_CTYPE, "");  // without it the line editor drops every non-ASCII byte
    std::ios::sync_with_stdio(false);
    raftbus::cli::Runner runner(std::cout, std::cerr, raftbus::cli::process_environment(),
                                raftbus::cli::process_terminal());
    return static_cast<int>(runner.run({argv + 1, argv + argc}));
}
