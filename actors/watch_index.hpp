// watch_index: who watches which key.
//
// Owns: the watches of single keys and those of prefixes, each in order, so that a change finds its
// watches without looking at the others. Must not know: what is told to them.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <functional>
#include <string>
#include <string_view>

#include "messages/types.hpp"

namespace raftbus {

struct WatchedKey {
    std::string key;
    bool prefix = false;  // every key that begins with it
};

class WatchIndex {
public:
    void add(const WatchedKey& key, WatchNumber watch);
    // Does nothing if it is not there.
    void remove(const WatchedKey& key, WatchNumber watch);
    bool empty() const { return keys_.empty() && prefixes_.empty(); }

    // Calls `use` for each that watches the key: those of the key itself, then of prefixes, the
    // longest first; for each in the order of numbers. Looks up once for each prefix that is found,
    // and once for each that lies in between and only begins alike.
    template <class Use>
    void each(std::string_view key, Use use) const {
        if (const auto at = keys_.find(key); at != keys_.end())
            for (const WatchNumber watch : at->second) use(watch);
        std::string_view rest = key;  // the prefixes to come are no longer
        for (;;) {
            auto at = prefixes_.upper_bound(rest);
            if (at == prefixes_.begin()) return;
            --at;
            const std::size_t common = common_bytes(at->first, rest);
            if (common < at->first.size()) {
                rest = rest.substr(0, common);
                continue;
            }
            for (const WatchNumber watch : at->second) use(watch);
            if (common == 0) return;
            rest = rest.substr(0, common - 1);
        }
    }

private:
    using Watches = absl::btree_map<std::string, absl::btree_set<WatchNumber>, std::less<>>;
    static std::size_t common_bytes(std::string_view a, std::string_view b);

    Watches keys_;
    Watches prefixes_;
};

}  // namespace raftbus
