#include "actors/following.hpp"

#include <algorithm>
#include <utility>

namespace raftbus {
namespace {

bool sound(const Batch& batch) {
    if (!intact(batch)) return false;
    return batch.header.kind != BatchKind::config || decode_configuration(batch.body.view()).ok();
}

}  // namespace

bool Following::on(const AppendEntries& append, NodeId leader) {
    if (!contiguous(append.batches, append.previous.index.next())) return false;
    if (!std::all_of(append.batches.begin(), append.batches.end(), sound)) return false;
    if (!append.batches.empty() && append.batches.back().header.term > append.term) return false;
    leader_ = leader;
    if (log_.installing()) return true;  // the leader says it again

    // What lies at or below the commit index is the same in all logs, whatever is remembered of it.
    const LogTail& tail = log_.tail();
    const bool known = append.previous.index <= log_.commit() ||
                       tail.term_at(append.previous.index) == append.previous.term;
    if (!known) {
        refuse(append.previous);
        return true;
    }
    take(append.batches);
    const LogIndex end =
        append.batches.empty() ? append.previous.index : append.batches.back().header.last();
    matched_ = std::max(matched_, end);
    commit_to(append.commit);
    owed_ = end;
    return true;
}

void Following::refuse(EntryId previous) {
    reply(AppendEntriesReply{term_,
                             Conflict{previous.index, log_.tail().newest_not_after(previous)}});
}

// Raft Figure 2, steps 3 and 4. An entry that is there already is left alone, and so is what
// follows it: a message that comes late must not shorten the log.
void Following::take(const std::vector<Batch>& batches) {
    for (const Batch& batch : batches) {
        const LogIndex first = batch.header.first;
        if (first <= log_.commit()) continue;
        const auto own = log_.tail().term_at(first);
        if (own == batch.header.term) continue;
        if (own) log_.cut_from(first);
        log_.append(batch);
    }
}

void Following::on(const Heartbeat& heartbeat, NodeId leader, std::uint32_t priority) {
    leader_ = leader;
    commit_to(heartbeat.commit);
    if (std::exchange(answered_, heartbeat.round) == heartbeat.round) return;
    reply(HeartbeatReply{term_, heartbeat.round, log_.last().index, acknowledged(), priority,
                         log_.state_wanted()});
}

// ---- snapshots

void Following::on(const InstallSnapshot& piece, NodeId leader) {
    leader_ = leader;
    const SnapshotName& snapshot = piece.snapshot;
    if (!log_.needs_snapshot(snapshot.last.index))
        return reply(InstallSnapshotReply{term_, snapshot, snapshot.size, true});
    if (log_.installing()) return;  // answered when that is done
    context_.send({context_.self().node, ActorName::state_machine},
                  WriteSnapshot{snapshot, piece.offset, piece.crc, piece.bytes});
}

// An older leader's snapshot is as good: what it covers is committed. But one that has become
// needless meanwhile must not take the state back.
void Following::on(const SnapshotWritten& written) {
    const SnapshotName& snapshot = written.snapshot;
    const bool whole = written.received == snapshot.size;
    if (log_.installing() || !leader_) return;
    if (whole && log_.needs_snapshot(snapshot.last.index)) return log_.install(snapshot);
    reply(InstallSnapshotReply{term_, snapshot, written.received, whole});
}

// The snapshot's last entry is committed, so the leader's log holds it, whoever leads.
void Following::on(const StateInstalled& installed) {
    if (installed.installed) matched_ = std::max(matched_, installed.snapshot.last.index);
    if (!leader_) return;
    const std::uint64_t received = installed.installed ? installed.snapshot.size : 0;
    reply(InstallSnapshotReply{term_, installed.snapshot, received, installed.installed});
}

// Not beyond what was matched with this leader: the rest may be another leader's (Raft Figure 2,
// step 5).
void Following::commit_to(LogIndex leader_commit) {
    log_.commit_to(std::min(leader_commit, matched_));
}

// Design rule 5: what is this leader's and durable.
LogIndex Following::acknowledged() const {
    return std::min(matched_, log_.durable());
}

void Following::acknowledge() {
    if (!leader_) return;
    const LogIndex safe = acknowledged();
    const bool news = safe > told_;
    const bool owes_reply = owed_ && safe >= *owed_;
    if (!news && !owes_reply) return;
    told_ = std::max(told_, safe);
    if (owes_reply) owed_.reset();
    reply(AppendEntriesReply{term_, Matched{safe}});
}

}  // namespace raftbus
