#include "actors/peer_progress.hpp"

#include <algorithm>

namespace raftbus {

void PeerProgress::sent(LogIndex previous, LogIndex last, std::uint64_t bytes) {
    if (probing_) {
        probe_ = Probe{previous, last, bytes};
        return;
    }
    next_ = std::max(next_, last.next());
    in_flight_.add(last, bytes);
}

// What is known to match stays so; without anything known, the last guess is as good as any.
void PeerProgress::probe_from_match() {
    if (!probing_) next_ = match_.next();
    probing_ = true;
    probe_.reset();
    in_flight_.clear();
    reading.reset();
    sent_before_it_ = LogIndex();
}

void PeerProgress::probe_from(LogIndex next) {
    probe_from_match();
    next_ = std::max(match_.next(), next);
}

void PeerProgress::matched(LogIndex index) {
    match_ = std::max(match_, index);
    if (probing_) start_streaming();
    next_ = std::max(next_, match_.next());
    in_flight_.release_to(match_);
}

// The probe was accepted, so the entries that it carried are on their way to being durable.
void PeerProgress::start_streaming() {
    const std::optional<Probe> probe = probe_;
    if (probe && match_ < probe->previous) return;
    probing_ = false;
    probe_.reset();
    if (probe) sent(probe->previous, probe->last, probe->bytes);
}

bool PeerProgress::conflicted(LogIndex rejected, LogIndex hint) {
    if (rejected <= match_) return false;
    if (probing_ && (!probe_ || rejected != probe_->previous)) return false;
    probe_from_match();
    next_ = std::max(match_, hint).next();
    return true;
}

void PeerProgress::asked(Round round) {
    if (round_watched_ > round_acked_)
        return;  // one at a time, or a stream of rounds would hide it
    round_watched_ = round;
    sent_before_it_ = probing_ ? LogIndex() : next_.previous();
}

bool PeerProgress::answered(Round round, LogIndex last) {
    round_acked_ = std::max(round_acked_, round);
    return round >= round_watched_ && last < sent_before_it_;
}

}  // namespace raftbus
