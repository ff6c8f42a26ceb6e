// footnotes: what the log does not say of its own entries: which commands changed nothing, which
// way a transaction went, which keys expired before a batch. Log and footnotes together tell every
// change, so that watches can begin in the past (storage/change_history.hpp).
//
// Owns: the notes, a few bytes each, in pages by index; from where on they are complete; what has
// changed since the last flush. They are this node's own knowledge and in no digest: it has as many
// as its log needs. Must not know: who watches.
#pragma once

#include <absl/container/btree_set.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/types.hpp"

namespace raftbus {

class KvTable;

struct Footnote {
    enum class Kind : std::uint8_t {
        nothing,      // the command changed nothing
        expired,      // before the batch that begins here a key went
        transaction,  // it did not simply do all that stands in `then`
    };
    std::uint64_t index = 0;
    Kind kind = Kind::nothing;
    std::string key;                    // expired
    bool otherwise = false;             // transaction: it took `else`
    std::vector<std::uint32_t> missed;  // transaction: which of its DELETEs found nothing, in order
};

struct FootnoteLimits {
    std::uint64_t page_bytes = 4 << 10;  // a page that has so much is full
    std::uint64_t bytes_max = 64 << 20;  // beyond it the oldest go
};

class Footnotes {
public:
    explicit Footnotes(const FootnoteLimits& limits = {}) : limits_(limits) {}

    // Indexes never fall.
    void add(const Footnote& note);
    void add_nothing(std::uint64_t index) { add({index}); }

    // From this index on, and up to what is applied, they are complete.
    LogIndex first() const { return first_; }
    // Of the indexes from `first` to `last`, in order.
    std::vector<Footnote> between(LogIndex first, LogIndex last) const;
    // The log begins here: what lies before can not be told any more.
    void cut_before(LogIndex first);
    std::uint64_t bytes() const { return bytes_; }

    // Notes in the table what has changed since the last call: 'n' with 8 bytes, big endian: the
    // index with which a page begins, and the page; 'n' alone: from where on they are complete.
    void note_changes(KvTable& table);
    // Takes in what such a note says. False if it is none.
    bool load(std::string_view name, std::string_view content);
    // All are loaded, of a state up to `applied`.
    void loaded(LogIndex applied);
    static constexpr char kSpace = 'n';

private:
    struct Page {
        std::uint64_t first = 0;  // index of its first note
        std::uint64_t last = 0;
        std::string bytes;
    };
    void drop_first_page();

    FootnoteLimits limits_;
    std::deque<Page> pages_;  // in the order of indexes
    std::uint64_t bytes_ = 0;
    LogIndex first_{1};
    bool first_known_ = false;                // a note says so
    bool first_changed_ = true;               // since the last flush
    absl::btree_set<std::uint64_t> changed_;  // pages, also such as are gone
};

}  // namespace raftbus
