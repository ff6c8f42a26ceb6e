// watching: what gateway, state machine and bus of one node say to each other about watches. None
// of it is taken from a peer.
//
// Owns: the messages of watches. Must not know: sockets, where changes come from.
#pragma once

#include <cstdint>
#include <vector>

#include "messages/bytes.hpp"
#include "messages/fields.hpp"
#include "messages/membership.hpp"
#include "messages/types.hpp"

namespace raftbus {

// gateway -> state machine: tell of every change of this key, or of all that begin with it, from
// that revision on. Answered with Watching or WatchEnded.
struct Watch {
    WatchNumber watch;
    SharedBytes key;
    bool prefix = false;
    LogIndex from;  // 0: from what is applied next
    std::uint64_t incarnation = 0;  // that `from` is of, as the client says; 0: it does not say
    bool checked = false;           // `from` is not ahead of the cluster
    LogIndex at;                    // judged when this is applied, not before
    RAFTBUS_FIELDS(Watch, watch, key, prefix, from, incarnation, checked, at);
};
// gateway -> state machine: nobody watches any more. Does nothing if the watch has ended.
struct Unwatch {
    WatchNumber watch;
    RAFTBUS_FIELDS(Unwatch, watch);
};
// gateway -> state machine: what was told of the past is on its way: there is room for more.
struct WatchOn {
    WatchNumber watch;
    RAFTBUS_FIELDS(WatchOn, watch);
};
// state machine -> gateway: every change after this revision will be told.
struct Watching {
    WatchNumber watch;
    LogIndex after;
    std::uint64_t incarnation = 0;  // of the state
    RAFTBUS_FIELDS(Watching, watch, after, incarnation);
};
// What happened to one key.
struct WatchEvent {
    std::uint64_t revision = 0;
    SharedBytes pairs;  // what is said of it to clients: pairs of a msgpack map, without its head
    RAFTBUS_FIELDS(WatchEvent, revision, pairs);
};
// What one watch gets of them. The changes of one revision are never parted.
struct WatchShare {
    WatchNumber watch;
    std::vector<std::uint32_t> events;  // by place, in the order of revisions
    LogIndex up_to;                     // all changes up to this revision are told by now
    bool past = false;                  // the rest waits for WatchOn
    RAFTBUS_FIELDS(WatchShare, watch, events, up_to, past);
};
// state machine -> gateway. Sent before the OutcomesReady of the same entries, so that whoever
// watches what is applied now has been told of everything up to there.
struct WatchEvents {
    std::vector<WatchEvent> events;
    std::vector<WatchShare> shares;
    RAFTBUS_FIELDS(WatchEvents, events, shares);
};
// Why a watch does not begin, or ends.
enum class WatchEnd : std::uint8_t {
    compacted,  // what it wants to know is gone
    ahead,      // it begins more than one revision after what is applied here
    other,      // it wants revisions of another incarnation
};
// state machine -> gateway. `first` is the oldest revision that it could begin with.
struct WatchEnded {
    WatchNumber watch;
    LogIndex first;
    WatchEnd why = WatchEnd::compacted;
    Incarnation incarnation;  // of the state
    RAFTBUS_FIELDS(WatchEnded, watch, first, why, incarnation);
};
// replicator -> state machine: nothing before this index can be read from the log any more.
struct LogCut {
    LogIndex first;
    RAFTBUS_FIELDS(LogCut, first);
};

// One message to a client among those that come without being asked for one by one.
struct StreamFrame {
    std::uint64_t stream = 0;  // the gateway's number of the client
    SharedBytes route;
    SharedBytes body;
    RAFTBUS_FIELDS(StreamFrame, stream, route, body);
};
// gateway -> bus: for each stream a few frames, which follow each other. Answered by StreamsTaken.
struct StreamReplies {
    std::uint64_t burst = 0;
    std::vector<StreamFrame> frames;
    RAFTBUS_FIELDS(StreamReplies, burst, frames);
};
// A stream of the burst that was not taken as a whole.
struct StreamStop {
    std::uint64_t stream = 0;
    std::uint64_t taken = 0;  // frames
    bool gone = false;        // the client is; otherwise it does not read what waits for it
    RAFTBUS_FIELDS(StreamStop, stream, taken, gone);
};
// bus -> gateway: the streams that are not named here were taken.
struct StreamsTaken {
    std::uint64_t burst = 0;
    std::vector<StreamStop> stopped;
    RAFTBUS_FIELDS(StreamsTaken, burst, stopped);
};

}  // namespace raftbus
