#include "actors/leading.hpp"

#include <algorithm>

#include "actors/commit_rule.hpp"
#include "messages/crc32c.hpp"
#include "messages/text.hpp"

namespace raftbus {
namespace {

// Between two ticks at least, however much is due one by one.
constexpr Duration kTickEvery = 500ms;

}  // namespace

Leading::Leading(Context& context, const RaftOptions& options, ReplicaLog& log, Term term,
                 std::vector<NodeId> voters)
    : context_(context),
      options_(options),
      self_(context.self().node),
      term_(term),
      log_(log),
      time_(log.newest_time(), context.wall_time(), context.now()),
      no_op_(log.last().index.next()) {
    for (NodeId voter : voters)
        if (voter != self_) peers_.emplace(voter, PeerProgress(no_op_, context.now()));
    append(BatchKind::no_op, 1, self_, {}, 0, {});
    start_round();
}

// ---- proposals

std::optional<Refusal> Leading::propose(const Propose& propose, const Envelope& envelope) {
    if (propose.term != term_) return Refusal::not_leader;
    if (propose.count == 0 || crc32c(propose.body.view()) != propose.body_crc) {
        context_.log(LogLevel::error, "a damaged proposal from " + to_text(envelope.from));
        return Refusal::unsupported;
    }
    if (transfer_) return Refusal::transferring;
    if (log_.out_of_space()) return Refusal::no_space;
    if (log_.uncommitted_bytes() > options_.uncommitted_bytes_max) return Refusal::busy;
    append(BatchKind::commands, propose.count, envelope.from.node, propose.proposal,
           propose.body_crc, propose.body);
    if (auto peer = peers_.find(envelope.from.node); peer != peers_.end())
        peer->second.commit_wanted = log_.last().index;
    return std::nullopt;
}

void Leading::append(BatchKind kind, std::uint32_t count, NodeId origin, ProposalNumber proposal,
                     std::uint32_t body_crc, SharedBytes body) {
    const BatchHeader header{.kind = kind,
                             .first = log_.last().index.next(),
                             .count = count,
                             .term = term_,
                             .leader = self_,
                             .time = time_.at(context_.now()),
                             .origin = origin,
                             .proposal = proposal,
                             .body_crc = body_crc};
    log_.append({header, std::move(body)});
}

// Raft §5.3, §5.4.2: by counting, only entries of the own term; all before them come along. The own
// log counts as far as it is durable, like anybody's.
void Leading::maybe_commit() {
    std::vector<LogIndex> matches{log_.durable()};
    for (const auto& [node, peer] : peers_) matches.push_back(peer.match());
    const LogIndex reached = reached_by_majority(std::move(matches));
    if (reached > log_.commit() && log_.tail().term_at(reached) == term_) log_.commit_to(reached);
}

// ---- replication

void Leading::drained() {
    maybe_commit();
    if (reads_.wants_round() && log_.commit() >= no_op_) start_round();
    confirm_reads();
    for (auto& [node, peer] : peers_) {
        replicate_to(node, peer);
        const LogIndex commit = std::min(log_.commit(), peer.match());
        if (commit > peer.commit_told && peer.commit_wanted > peer.commit_told)
            heartbeat(node, peer);
    }
    maybe_hand_over();
}

void Leading::replicate_to(NodeId node, PeerProgress& peer) {
    while (peer.connected && (peer.next() <= log_.last().index || peer.probing())) {
        const bool in_memory = peer.next() >= log_.tail().first_held();
        const auto credit = in_memory ? options_.in_flight_bytes_max : options_.catch_up_bytes_max;
        if (!peer.may_send(credit)) return;
        if (!in_memory && !peer.probing()) return fetch_for(peer);
        // To find out where the logs meet, nothing is read from the disk: the peer may be gone.
        send_entries(node, peer, log_.tail().batches_from(peer.next(), options_.append_bytes_max));
    }
}

// `batches` begin with the one that holds the peer's next index, or are none because it has
// everything.
void Leading::send_entries(NodeId node, PeerProgress& peer, std::vector<Batch> batches) {
    const LogIndex first = batches.empty() ? peer.next() : batches.front().header.first;
    const EntryId previous = log_.tail().entry_at(first.previous());
    const LogIndex last = batches.empty() ? previous.index : batches.back().header.last();
    std::uint64_t bytes = 0;
    for (const Batch& batch : batches) bytes += batch.bytes();
    peer.sent(previous.index, last, bytes);
    peer.commit_told = std::max(peer.commit_told, std::min(log_.commit(), last));
    context_.send({node, ActorName::replicator},
                  AppendEntries{term_, previous, log_.commit(), std::move(batches)});
}

// Memory does not hold what this peer needs next: storage reads it, and drained() goes on from
// there.
void Leading::fetch_for(PeerProgress& peer) {
    peer.reading = log_.read_for_peer(peer.next(), options_.catch_up_bytes_max);
}

void Leading::on(const LogRead& read) {
    for (auto& [node, peer] : peers_) {
        if (peer.reading != read.request) continue;
        peer.reading.reset();
        const bool holds_next = !read.batches.empty() &&
                                read.batches.front().header.first <= peer.next() &&
                                read.batches.back().header.last() >= peer.next();
        if (holds_next) send_entries(node, peer, read.batches);
    }
}

void Leading::on(const AppendEntriesReply& reply, NodeId from) {
    const auto found = peers_.find(from);
    if (found == peers_.end()) return;
    PeerProgress& peer = found->second;
    peer.heard_at(context_.now());
    if (auto* matched = std::get_if<Matched>(&reply.outcome)) {
        acknowledged(from, peer, matched->index);
    } else {
        const Conflict& conflict = std::get<Conflict>(reply.outcome);
        peer.conflicted(conflict.rejected, log_.tail().newest_not_after(conflict.hint).index);
    }
}

void Leading::acknowledged(NodeId node, PeerProgress& peer, LogIndex index) {
    if (index <= log_.last().index) return peer.matched(index);
    context_.log(LogLevel::error, to_text(node) + " acknowledges more than there is");
}

void Leading::on(const PeerUp& up) {
    connection_changed(up.peer, true);
}

void Leading::on(const PeerLost& lost) {
    connection_changed(lost.peer, false);
}

void Leading::connection_changed(NodeId node, bool connected) {
    const auto peer = peers_.find(node);
    if (peer == peers_.end()) return;
    peer->second.connected = connected;
    peer->second.probe_from_match();
}

// ---- heartbeats, and what they confirm

void Leading::tick() {
    if (!hears_quorum()) {
        context_.send({self_, ActorName::election}, QuorumLost{term_});
        return;
    }
    for (auto& [node, peer] : peers_) peer.probe_again();
    start_round();
    maybe_yield();
    maybe_tick();
    if (transfer_ && context_.now() >= transfer_->deadline) {
        context_.log(LogLevel::warning, "handing over to " + to_text(transfer_->target) +
                                            " took too long: this node goes on leading");
        transfer_.reset();
    }
}

void Leading::start_round() {
    round_ = round_.next();
    rounds_sent_.push_back({round_, context_.now()});
    if (log_.commit() >= no_op_) reads_.round_started(round_, log_.commit());
    for (auto& [node, peer] : peers_) {
        peer.asked(round_);
        heartbeat(node, peer);
    }
}

void Leading::heartbeat(NodeId node, PeerProgress& peer) {
    peer.commit_told = std::max(peer.commit_told, std::min(log_.commit(), peer.match()));
    context_.send({node, ActorName::replicator},
                  Heartbeat{term_, std::min(log_.commit(), peer.match()), round_});
}

void Leading::on(const HeartbeatReply& reply, NodeId from) {
    const auto found = peers_.find(from);
    if (found == peers_.end() || reply.round > round_) return;
    PeerProgress& peer = found->second;
    peer.heard_at(context_.now());
    if (reply.matched > peer.match()) acknowledged(from, peer, reply.matched);
    if (peer.answered(reply.round, reply.last)) {
        context_.log(LogLevel::debug, "something was lost on the way to " + to_text(from));
        peer.probe_from_match();
    }
}

bool Leading::hears_quorum() const {
    std::vector<Moment> heard{context_.now()};
    for (const auto& [node, peer] : peers_) heard.push_back(peer.heard());
    return context_.now() - reached_by_majority(std::move(heard)) <= options_.election_timeout_min;
}

// ---- reads

void Leading::on(const ReadIndex& read, const Envelope& envelope) {
    WaitingRead waiting{envelope, read.read, context_.now(), log_.commit()};
    if (read.mode == ReadMode::lease) {
        if (!options_.lease) return refuse(waiting, Refusal::unsupported);
        if (lease_holds()) return answer(waiting);
    }
    reads_.add(std::move(waiting));
}

void Leading::confirm_reads() {
    std::vector<Round> acked{round_};
    for (const auto& [node, peer] : peers_) acked.push_back(peer.round_acked());
    const Round confirmed = reached_by_majority(std::move(acked));
    while (!rounds_sent_.empty() && rounds_sent_.front().round <= confirmed) {
        confirmed_at_ = rounds_sent_.front().when;
        rounds_sent_.pop_front();
    }
    for (const WaitingRead& read : reads_.confirmed(confirmed)) answer(read);
}

void Leading::answer(const WaitingRead& read) {
    if (auto peer = peers_.find(read.asked.from.node); peer != peers_.end())
        peer->second.commit_wanted = std::max(peer->second.commit_wanted, read.index);
    context_.answering(read.asked);
    context_.send(
        read.asked.from,
        ReadIndexReply{read.read, read.index, term_,
                       static_cast<std::uint64_t>((context_.now() - read.arrived).count())});
}

void Leading::refuse(const WaitingRead& read, Refusal why) {
    context_.answering(read.asked);
    context_.send(read.asked.from, ReadRefused{read.read, why});
}

void Leading::leave() {
    for (const WaitingRead& read : reads_.abandon()) refuse(read, Refusal::not_leader);
}

// Diss. §6.4.1: counted from when the round was sent, not from when it was answered.
bool Leading::lease_holds() const {
    return options_.lease && log_.commit() >= no_op_ && !lease_given_up_ &&
           confirmed_at_ != Moment() && context_.now() < confirmed_at_ + *options_.lease;
}

// ---- handing leadership over

void Leading::on(const TransferLeadership& wish) {
    const NodeId target = wish.target ? wish.target : best_successor();
    if (target == self_ || !peers_.contains(target)) return;
    if (transfer_ && transfer_->target == target) return;
    context_.log(LogLevel::info, "handing leadership over to " + to_text(target));
    transfer_ = Transfer{target, context_.now() + options_.election_timeout_min};
}

// Diss. §3.10: proposals are refused meanwhile, so the target does catch up.
void Leading::maybe_hand_over() {
    if (!transfer_ || transfer_->told) return;
    if (peers_.at(transfer_->target).match() != log_.last().index) return;
    transfer_->told = true;
    lease_given_up_ = true;
    context_.send({transfer_->target, ActorName::election}, TimeoutNow{term_});
}

// A leader whose own disk hangs or is full serves nobody: one whose disk answers should lead.
void Leading::maybe_yield() {
    const bool stalled = !log_.storage_answers(options_.storage_stall);
    if (transfer_ || peers_.empty() || !(stalled || log_.out_of_space())) return;
    context_.log(LogLevel::warning,
                 stalled ? "the own disk does not answer" : "the own disk is full");
    on(TransferLeadership{});
}

// What the state waits for must not wait for somebody's write. An entry that bears the time does,
// whether it is applied already or not.
void Leading::maybe_tick() {
    const std::optional<WallTime> due = log_.due();
    const Moment now = context_.now();
    if (!due || *due > time_.at(now) || log_.newest_time() >= *due) return;
    if (transfer_ || log_.out_of_space() || (ticked_ && now - *ticked_ < kTickEvery)) return;
    ticked_ = now;
    append(BatchKind::tick, 1, self_, {}, 0, {});
}

NodeId Leading::best_successor() const {
    const auto worse = [](const auto& a, const auto& b) {
        return std::pair(a.second.match(), a.second.heard()) <
               std::pair(b.second.match(), b.second.heard());
    };
    const auto best = std::max_element(peers_.begin(), peers_.end(), worse);
    return best == peers_.end() ? NodeId() : best->first;
}

}  // namespace raftbus
