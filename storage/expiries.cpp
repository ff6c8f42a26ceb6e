#include "storage/expiries.hpp"

#include "storage/kv_table.hpp"
#include "storage/numbers.hpp"

namespace raftbus {

void Expiries::add(WallTime at, std::string_view key) {
    Entry entry{at, std::string(key)};
    changed_.insert_or_assign(entry, true);
    entries_.insert(std::move(entry));
}

void Expiries::remove(WallTime at, std::string_view key) {
    Entry entry{at, std::string(key)};
    if (entries_.erase(entry) > 0) changed_.insert_or_assign(std::move(entry), false);
}

const Expiries::Entry* Expiries::due(WallTime clock) const {
    if (entries_.empty() || entries_.begin()->at > clock) return nullptr;
    return &*entries_.begin();
}

std::optional<WallTime> Expiries::next() const {
    if (entries_.empty()) return std::nullopt;
    return entries_.begin()->at;
}

void Expiries::note(const Changes& changes, KvTable& table) {
    for (const auto& [entry, there] : changes) {
        std::string name(1, kSpace);
        append_big_endian(name, static_cast<std::uint64_t>(entry.at.value));
        name += entry.key;
        table.note(std::move(name), there ? std::optional<std::string>("") : std::nullopt);
    }
}

bool Expiries::load(std::string_view note) {
    if (note.size() < 1 + kBigEndianBytes || note[0] != kSpace) return false;
    const auto at = static_cast<std::int64_t>(big_endian_at(note.substr(1)));
    entries_.insert({WallTime(at), std::string(note.substr(1 + kBigEndianBytes))});
    return true;
}

}  // namespace raftbus
