// sim_screen: lines on a terminal that are drawn again in their place.
//
// Owns: what stands on the terminal at the moment. Must not know: what the lines say.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace raftbus::cli {

class SimScreen {
public:
    // `out` is a terminal.
    explicit SimScreen(std::ostream& out) : out_(out) {}

    // Replaces what was drawn before. Lines that are too long are cut by the terminal.
    void draw(const std::vector<std::string>& lines);
    // Takes away what was drawn, so that other things can be printed there.
    void clear();

private:
    std::ostream& out_;
    std::size_t drawn_ = 0;  // lines
};

}  // namespace raftbus::cli
