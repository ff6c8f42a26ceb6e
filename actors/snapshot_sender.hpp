// snapshot_sender: how a leader brings its state to peers whose next entry its log has forgotten
// (Raft §7).
//
// Owns: for each such peer, how far it has come; the budget of bytes. Pieces are read by the own
// state machine, a few are on the way at a time, and all peers together get no more than a rate, so
// heartbeats and entries never wait behind more than a few pieces. A peer that was away goes on
// where it stopped, as long as it is sent the same snapshot.
// Must not know: the log, terms' meaning.
// Sends: ReadSnapshot (state machine); InstallSnapshot (peers' replicators).
#pragma once

#include <map>
#include <optional>

#include "actors/context.hpp"
#include "actors/options.hpp"

namespace raftbus {

class SnapshotSender {
public:
    SnapshotSender(Context& context, const RaftOptions& options, Term term);

    // The peer needs a snapshot that covers `at_least`. Does nothing if it is being sent one.
    void begin(NodeId peer, LogIndex at_least);
    // The peer's log is sound, and its state is not: it needs a snapshot that covers `at_least`, and
    // gets entries all the while. Does nothing if it is being sent one.
    void begin_repair(NodeId peer, LogIndex at_least);
    // It gets its entries with the snapshot, and by no other way.
    bool sending_to(NodeId peer) const {
        const auto feed = feeds_.find(peer);
        return feed != feeds_.end() && !feed->second.repair;
    }

    // The peer is none any more.
    void forget(NodeId peer) { feeds_.erase(peer); }
    // What was on the way is taken for lost; or the connection stands again.
    void connection_changed(NodeId peer, bool connected);
    // Once every heartbeat interval: a peer that has not answered for some is sent the same again.
    void tick();
    // After every burst: reads on as far as budget and window allow.
    void drained();

    void on(const SnapshotRead& read);
    // The entry up to which the peer has everything now, once a snapshot is in force there. None: it
    // is not, or its log is as it was.
    std::optional<EntryId> on(const InstallSnapshotReply& reply, NodeId from);

    // The log must not be cut beyond this, or who gets a snapshot now would need another one after
    // it. None: cut as you like.
    std::optional<LogIndex> holds_log_at() const;

private:
    struct Feed {
        LogIndex at_least;
        bool repair = false;          // of the state alone
        SnapshotName snapshot;        // id 0: not known yet
        std::uint64_t next = 0;       // the offset to read next
        std::uint64_t acked = 0;      // the peer has so much
        std::uint64_t in_flight = 0;  // pieces
        bool reading = false;
        bool connected = true;
        Moment heard;
        Moment progressed;  // when it had more than before
    };
    void add(NodeId peer, LogIndex at_least, bool repair);
    static void rewind(Feed& feed);
    bool may_read(const Feed& feed) const;
    void read(NodeId peer, Feed& feed);
    void earn();

    Context& context_;
    const RaftOptions& options_;
    const Term term_;
    std::map<NodeId, Feed> feeds_;
    std::int64_t budget_bytes_ = 0;  // below 0: a piece was larger than what had been earned
    Moment earned_at_;
};

}  // namespace raftbus
