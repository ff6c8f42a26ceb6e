#include "storage/damage.hpp"

#include <charconv>

namespace raftbus {
namespace {

// An emptied node that comes back under its own id has forgotten its votes and what it
// acknowledged; repair brings it back in a way that nobody counts on either.
constexpr std::string_view kWhatToDo =
    "Nothing was changed. See `raftbus check` for all that is wrong; `raftbus repair` rebuilds "
    "this node from its peers. An exact copy of the file, if there is one, may be put back, but no "
    "older backup; and never start the node empty: acknowledged writes could be lost";
constexpr std::string_view kOffset = ", offset ";

}  // namespace

std::string damage_text(std::string_view file, std::uint64_t offset, std::string_view what) {
    std::string text(file);
    text += kOffset;
    text += std::to_string(offset) + ": ";
    text += what;
    text += ". ";
    text += kWhatToDo;
    return text;
}

Damage damage_from(std::string_view text) {
    if (text.ends_with(kWhatToDo)) text.remove_suffix(kWhatToDo.size() + 2);
    const std::size_t comma = text.find(kOffset);
    if (comma == std::string_view::npos) return {{}, 0, std::string(text)};
    Damage damage{std::string(text.substr(0, comma)), 0, {}};
    text.remove_prefix(comma + kOffset.size());
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), damage.offset);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(": ")) text.remove_prefix(2);
    damage.what = text;
    return damage;
}

}  // namespace raftbus
