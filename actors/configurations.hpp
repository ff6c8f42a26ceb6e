// configurations: which configuration is in force, told from the log (Raft §6). A value.
//
// Owns: the configurations that stand in the log, with the one that the log begins with. The last
// one is in force as soon as it is appended, and no more once it is cut off. Must not know: what is
// committed, who leads.
#pragma once

#include <vector>

#include "messages/membership.hpp"

namespace raftbus {

class Configurations {
public:
    struct Entry {
        LogIndex index;  // 0: the node was started with it
        Configuration configuration;
    };

    explicit Configurations(Entry base) : entries_{std::move(base)} {}

    const Entry& in_force() const { return entries_.back(); }
    // The one in force for a log that ends at `index`; the base for one that ends before it.
    const Entry& at(LogIndex index) const;
    // All that are in force for logs that end at `index` or later: those that may yet count.
    std::vector<const Entry*> from(LogIndex index) const;

    // CHECKs that the index is above the last one's.
    void append(LogIndex index, Configuration configuration);
    // The log is cut before `index`. The base stays.
    void cut_from(LogIndex index);
    // Forgets those that `index`, which is committed, has put behind.
    void begin_at(LogIndex index);

private:
    std::vector<Entry> entries_;  // ascending, never empty
};

}  // namespace raftbus
