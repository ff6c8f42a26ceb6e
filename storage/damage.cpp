#include "storage/damage.hpp"

namespace raftbus {
namespace {

// An emptied node that comes back under its own id has forgotten its votes and what it
// acknowledged. That is harmless only when nobody else needs its memory: all others are up and have
// everything.
constexpr std::string_view kWhatToDo =
    "Nothing was changed. Put back an exact copy of the file if there is one (not an older "
    "backup); "
    "or, only if every other node is up and has caught up with the leader (see raftbus status), "
    "move "
    "this node's data directory away and start it again empty: its peers fill it. Never start it "
    "empty while another node is down or behind: acknowledged writes could be lost";

}  // namespace

std::string damage_text(std::string_view file, std::uint64_t offset, std::string_view what) {
    std::string text(file);
    text += ", offset " + std::to_string(offset) + ": ";
    text += what;
    text += ". ";
    text += kWhatToDo;
    return text;
}

}  // namespace raftbus
