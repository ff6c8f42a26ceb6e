// peer_progress: what a leader knows of one peer's log and has on the way to it. A value.
//
// Probing: one message at a time, to find where the logs meet. Streaming: they met; batches are
// sent optimistically, as many bytes as the credit allows (Diss. §10.2.1).
#pragma once

#include <optional>

#include "actors/byte_window.hpp"
#include "messages/types.hpp"

namespace raftbus {

class PeerProgress {
public:
    // `next`: the first index to try; `now`: counts as heard, so that a new leader has time to be
    // answered.
    PeerProgress(LogIndex next, Moment now) : next_(next), heard_(now) {}

    LogIndex match() const { return match_; }
    LogIndex next() const { return next_; }
    bool probing() const { return probing_; }
    Moment heard() const { return heard_; }
    void heard_at(Moment now) { heard_ = now; }
    std::uint64_t in_flight_bytes() const { return in_flight_.bytes(); }

    // Something more may be sent, within a credit of that many bytes.
    bool may_send(std::uint64_t credit_bytes) const {
        if (reading) return false;
        return probing_ ? !probe_ : in_flight_.bytes() < credit_bytes;
    }
    // A message with entries (previous, last] of that many bytes was sent; last == previous: none.
    void sent(LogIndex previous, LogIndex last, std::uint64_t bytes);
    // Another probe may go out: the last one is taken for lost.
    void probe_again() { probe_.reset(); }
    // Falls back to probing after the last index that is known to match: what is on the way is
    // taken for lost.
    void probe_from_match();

    // The peer has got a snapshot: what comes next is found out from there.
    void probe_from(LogIndex next);

    // The peer's log matches up to `index`.
    void matched(LogIndex index);
    // The peer refused `rejected`; `hint` is the newest entry that may match. False: an old
    // refusal.
    bool conflicted(LogIndex rejected, LogIndex hint);

    // A heartbeat of this round goes out.
    void asked(Round round);
    // The peer, whose log ends at `last`, has answered a round. A connection keeps order, so it had
    // seen everything that was sent before that round. True if its log is too short for that:
    // something was lost.
    bool answered(Round round, LogIndex last);
    Round round_acked() const { return round_acked_; }  // the newest that was answered

    // ---- plain facts that live and die with the peer's progress
    bool connected = true;                  // as far as the bus says
    std::optional<std::uint64_t> disk;      // the data directory that answers; none: not heard yet
    std::uint32_t priority = 0;             // as it said last
    std::optional<StorageRequest> reading;  // older batches are being read from disk for this peer
    LogIndex commit_told;                   // the commit index that this peer has been sent
    LogIndex commit_wanted;                 // somebody at this peer waits for this commit

private:
    struct Probe {
        LogIndex previous;
        LogIndex last;
        std::uint64_t bytes;
    };
    void start_streaming();

    LogIndex match_;
    LogIndex next_;
    bool probing_ = true;
    std::optional<Probe> probe_;  // under way
    ByteWindow in_flight_;
    Moment heard_;
    Round round_acked_;
    Round round_watched_;      // the round that will show whether this was received:
    LogIndex sent_before_it_;  // the last index sent before it; 0: nothing to find out
};

}  // namespace raftbus
