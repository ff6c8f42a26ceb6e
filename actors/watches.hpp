// watches: who is told of which changes, and from where on.
//
// A watch follows the present: it is told of each change as it is applied; or it reads the past: it
// is told from the log, piece by piece, until a piece ends where the state is. That moment is the
// same for both, so nothing is missed there and nothing comes twice.
//
// Owns: the watches, where each stands, whose turn it is to read. Values in, values out: its owner
// (the state machine) sends and reads. Must not know: clients, connections, storage.
#pragma once

#include <absl/container/btree_map.h>

#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "actors/watch_index.hpp"
#include "messages/local.hpp"
#include "messages/watching.hpp"
#include "storage/changes.hpp"
#include "storage/footnotes.hpp"

namespace raftbus {

class Watches final : private ChangeSink {
public:
    // What is to be sent, in this order.
    struct News {
        std::vector<Watching> begun;
        WatchEvents events;
        std::vector<WatchEnded> ended;
    };

    // Begins a watch, with a number that no other one under way has. `known_from`: the oldest
    // revision that may be told. If the watch has to read the past, there may be no news of it yet.
    News add(const Watch& watch, LogIndex applied, LogIndex known_from);
    // The watch ends without a word. Does nothing if it has ended.
    void remove(WatchNumber watch);
    // The watch waited until what it was told of the past had left.
    void go_on(WatchNumber watch);

    // Whom to tell the changes of the batches that are about to be applied; null: nobody.
    ChangeSink* sink() { return present_.empty() ? nullptr : this; }
    // They are applied, up to that index.
    News applied(LogIndex applied);

    // From where the log has to be read now, for the watch whose turn it is; none: nobody waits,
    // or a read is under way.
    std::optional<LogIndex> begin_read();
    // What was read from there, by everybody whose next revision lies in it. Batches beyond
    // `applied` count as not there.
    News read(const LogRead& read, const Footnotes& footnotes, LogIndex applied);
    // What was read is of no use: it is read again.
    void forget_read() { asked_ = {}, stale_ = false; }

    // The state has jumped to `applied`: what lies in between will never be told, and what is being
    // read is of another log.
    News jumped(LogIndex applied);

    // Which one the state belongs to. Watches that are under way are the owner's to end (jumped).
    void belongs_to(const Incarnation& incarnation) { incarnation_ = incarnation; }

    std::size_t size() const { return watches_.size(); }

private:
    enum class Where : std::uint8_t { present, past, waits };
    struct State {
        WatchedKey key;
        LogIndex next;  // changes from this revision on are to be told; at present: or later
        Where where = Where::present;
        bool begun = false;
        std::vector<std::uint32_t> events = {};  // its share of gathered_
    };

    void on_change(const Change& change) override;
    void gather(const Change& change, const WatchIndex& index);
    WatchEvents take_gathered(LogIndex up_to);
    void follow_present(WatchNumber number, State& state);
    void end(WatchNumber watch, LogIndex first, News& news);

    Incarnation incarnation_;  // of the state
    absl::btree_map<WatchNumber, State> watches_;
    WatchIndex present_;
    std::deque<WatchNumber> turns_;  // to read the past; who ended may still stand here
    LogIndex asked_;                 // from here the log is being read; 0: it is not
    bool stale_ = false;             // what is being read is of no use

    std::vector<WatchEvent> gathered_;
    std::vector<WatchNumber> sharers_;  // who has a share of them, in the order of the first
};

}  // namespace raftbus
