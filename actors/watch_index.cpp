#include "actors/watch_index.hpp"

#include <algorithm>

namespace raftbus {

void WatchIndex::add(const WatchedKey& key, WatchNumber watch) {
    (key.prefix ? prefixes_ : keys_)[key.key].insert(watch);
}

void WatchIndex::remove(const WatchedKey& key, WatchNumber watch) {
    Watches& watches = key.prefix ? prefixes_ : keys_;
    const auto at = watches.find(key.key);
    if (at == watches.end()) return;
    at->second.erase(watch);
    if (at->second.empty()) watches.erase(at);
}

std::size_t WatchIndex::common_bytes(std::string_view a, std::string_view b) {
    return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                    a.begin());
}

}  // namespace raftbus
