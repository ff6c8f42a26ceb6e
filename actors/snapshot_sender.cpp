#include "actors/snapshot_sender.hpp"

#include <algorithm>

#include "messages/text.hpp"

namespace raftbus {
namespace {

// For how long the log is kept for a peer that takes nothing of its snapshot.
constexpr Duration kPatience = 10s;

}  // namespace

SnapshotSender::SnapshotSender(Context& context, const RaftOptions& options, Term term)
    : context_(context), options_(options), term_(term), earned_at_(context.now()) {}

void SnapshotSender::begin(NodeId peer, LogIndex at_least) {
    if (sending_to(peer)) return;
    add(peer, at_least, false);
    context_.log(LogLevel::info, to_text(peer) +
                                     " needs entries that are compacted away: it gets "
                                     "a snapshot");
}

void SnapshotSender::begin_repair(NodeId peer, LogIndex at_least) {
    if (feeds_.contains(peer)) return;
    add(peer, at_least, true);
    context_.log(LogLevel::warning,
                 "the state of " + to_text(peer) + " is damaged: it gets a snapshot");
}

void SnapshotSender::add(NodeId peer, LogIndex at_least, bool repair) {
    Feed& feed = feeds_[peer] = {};
    feed.at_least = at_least;
    feed.repair = repair;
    feed.heard = feed.progressed = context_.now();
}

// Sends again from what the peer is known to have.
void SnapshotSender::rewind(Feed& feed) {
    feed.next = feed.acked;
    feed.in_flight = 0;
}

void SnapshotSender::connection_changed(NodeId peer, bool connected) {
    const auto feed = feeds_.find(peer);
    if (feed == feeds_.end()) return;
    feed->second.connected = connected;
    feed->second.heard = context_.now();
    rewind(feed->second);
}

void SnapshotSender::tick() {
    for (auto& [peer, feed] : feeds_) {
        if (context_.now() - feed.heard < options_.election_timeout_min) continue;
        feed.heard = context_.now();
        feed.reading = false;
        rewind(feed);
    }
}

void SnapshotSender::earn() {
    const Duration passed = context_.now() - earned_at_;
    const std::uint64_t rate = options_.snapshot_bytes_per_second;
    const std::uint64_t earned = rate * static_cast<std::uint64_t>(passed.count()) / 1'000'000;
    if (earned == 0) return;
    earned_at_ = context_.now();
    // What was not used within two ticks is lost: a burst of more would be no limit.
    const auto ticks = static_cast<std::uint64_t>(2 * options_.heartbeat.count());
    const std::uint64_t most = std::max(rate * ticks / 1'000'000, options_.snapshot_piece_bytes);
    budget_bytes_ = std::min(budget_bytes_ + static_cast<std::int64_t>(earned),
                             static_cast<std::int64_t>(most));
}

// Once all is sent, the peer installs it, and answers when it has.
bool SnapshotSender::may_read(const Feed& feed) const {
    const bool all_sent = feed.snapshot.id && feed.next == feed.snapshot.size;
    return feed.connected && !feed.reading && !all_sent && budget_bytes_ > 0 &&
           feed.in_flight < options_.snapshot_in_flight_max;
}

void SnapshotSender::drained() {
    if (feeds_.empty()) return;
    earn();
    for (auto& [peer, feed] : feeds_)
        if (may_read(feed)) read(peer, feed);
}

void SnapshotSender::read(NodeId peer, Feed& feed) {
    feed.reading = true;
    context_.send({context_.self().node, ActorName::state_machine},
                  ReadSnapshot{peer, feed.at_least, feed.snapshot.id, feed.next,
                               options_.snapshot_piece_bytes});
}

void SnapshotSender::on(const SnapshotRead& read) {
    const auto found = feeds_.find(read.peer);
    if (found == feeds_.end() || !found->second.reading) return;
    Feed& feed = found->second;
    feed.reading = false;
    if (feed.snapshot.id != read.snapshot.id) {
        if (read.offset != 0) return;
        feed.snapshot = read.snapshot;
        feed.acked = 0;
        rewind(feed);
    }
    if (read.offset != feed.next || !feed.connected) return;  // asked for before a rewind
    feed.next += read.bytes.size();
    ++feed.in_flight;
    budget_bytes_ -= static_cast<std::int64_t>(read.bytes.size());
    context_.send({read.peer, ActorName::replicator},
                  InstallSnapshot{term_, feed.snapshot, read.offset, read.crc, read.bytes});
}

std::optional<EntryId> SnapshotSender::on(const InstallSnapshotReply& reply, NodeId from) {
    const auto found = feeds_.find(from);
    if (found == feeds_.end() || reply.snapshot.id != found->second.snapshot.id)
        return std::nullopt;
    Feed& feed = found->second;
    feed.heard = context_.now();
    if (reply.installed) {
        context_.log(LogLevel::info,
                     to_text(from) + " has the snapshot up to " + to_text(feed.snapshot.last));
        const auto last = feed.repair ? std::nullopt : std::optional(feed.snapshot.last);
        feeds_.erase(found);
        return last;
    }
    feed.in_flight -= std::min<std::uint64_t>(feed.in_flight, 1);
    const bool lost_some = reply.received < feed.acked;  // its process started anew
    const bool further = reply.received > feed.next;     // it had more of it than was known
    if (reply.received > feed.acked) feed.progressed = context_.now();
    feed.acked = std::min(reply.received, feed.snapshot.size);
    if (lost_some || further) rewind(feed);
    return std::nullopt;
}

std::optional<LogIndex> SnapshotSender::holds_log_at() const {
    std::optional<LogIndex> lowest;
    for (const auto& [peer, feed] : feeds_)
        if (feed.snapshot.id && context_.now() - feed.progressed < kPatience)
            lowest = std::min(lowest.value_or(feed.snapshot.last.index), feed.snapshot.last.index);
    return lowest;
}

}  // namespace raftbus
