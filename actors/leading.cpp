#include "actors/leading.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "actors/commit_rule.hpp"
#include "messages/crc32c.hpp"
#include "messages/text.hpp"

namespace raftbus {
namespace {

// Between two ticks at least, however much is due one by one.
constexpr Duration kTickEvery = 500ms;
// Longer than a peer needs that is there, short enough not to be missed by one that is not.
constexpr int kDepartingTimeouts = 10;
// Long enough for an operator to see what a node that came back does before it leads.
constexpr int kSettledTimeouts = 10;

}  // namespace

Leading::Leading(Context& context, const RaftOptions& options, ReplicaLog& log, Term term,
                 const std::map<NodeId, Versions>& speaks)
    : context_(context),
      options_(options),
      self_(context.self().node),
      term_(term),
      log_(log),
      time_(log.newest_time(), context.wall_time(), context.now()),
      changes_(context, options, log),
      no_op_(log.last().index.next()),
      end_at_tick_(no_op_),
      preference_(options.priority, options.election_timeout_max * kSettledTimeouts),
      digests_(context, term),
      speaks_(speaks),
      snapshots_(context, options, term) {
    follow_configuration();
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
    const LogIndex reached =
        this->reached(log_.durable(), [](const PeerProgress& peer) { return peer.match(); });
    if (reached > log_.commit() && log_.tail().term_at(reached) == term_) log_.commit_to(reached);
}

// ---- replication

template <class T, class Of>
T Leading::reached(T own, Of of) const {
    return reached_by_majorities(
        halves_, [&](NodeId voter) { return voter == self_ ? own : of(peers_.at(voter)); });
}

void Leading::drained() {
    maybe_commit();
    maybe_change_members();
    if (reads_.wants_round() && log_.commit() >= no_op_) start_round();
    confirm_reads();
    for (auto& [node, peer] : peers_) {
        replicate_to(node, peer);
        const LogIndex commit = std::min(log_.commit(), peer.match());
        if (commit > peer.commit_told && peer.commit_wanted > peer.commit_told)
            heartbeat(node, peer);
    }
    snapshots_.drained();
    maybe_depart();
    maybe_hand_over();
}

void Leading::replicate_to(NodeId node, PeerProgress& peer) {
    while (peer.connected && (peer.next() <= log_.last().index || peer.probing())) {
        if (snapshots_.sending_to(node)) return;
        if (peer.next() < log_.tail().first())
            return snapshots_.begin(node, log_.tail().first().previous());
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

// Memory does not hold what this peer needs next: storage reads it, then drained() goes on.
void Leading::fetch_for(PeerProgress& peer) {
    peer.reading = log_.read_for_peer(peer.next(), options_.catch_up_bytes_max);
}

void Leading::on(const LogRead& read) {
    for (auto& [node, peer] : peers_) {
        if (peer.reading != read.request) continue;
        peer.reading.reset();
        const bool holds_next = !read.batches.empty() &&
                                read.batches.front().header.first >= log_.tail().first() &&
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

void Leading::on(const InstallSnapshotReply& reply, NodeId from) {
    const auto found = peers_.find(from);
    if (found == peers_.end()) return;
    found->second.heard_at(context_.now());
    if (const auto has = snapshots_.on(reply, from)) found->second.probe_from(has->index.next());
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
    snapshots_.connection_changed(node, connected);
    if (connected) digests_.peer_up(node);
}

// ---- heartbeats, and what they confirm

void Leading::tick() {
    if (!hears_quorum()) {
        context_.send({self_, ActorName::election}, QuorumLost{term_});
        return;
    }
    for (auto& [node, peer] : peers_) peer.probe_again();
    snapshots_.tick();
    maybe_make_room();
    end_at_tick_ = log_.last().index;
    start_round();
    digests_.tick(digests_view());
    maybe_yield();
    maybe_tick();
    if (transfer_ && context_.now() >= transfer_->deadline) {
        context_.log(LogLevel::warning, "handing over to " + to_text(transfer_->target) +
                                            " took too long: this node goes on leading");
        transfer_.reset();
    }
    maybe_resign();
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
    peer.priority = reply.priority;
    if (reply.state_wanted) snapshots_.begin_repair(from, reply.state_wanted);
    if (reply.matched > peer.match()) acknowledged(from, peer, reply.matched);
    if (peer.answered(reply.round, reply.last)) {
        context_.log(LogLevel::debug, "something was lost on the way to " + to_text(from));
        peer.probe_from_match();
    }
}

bool Leading::hears_quorum() const {
    const Moment heard =
        reached(context_.now(), [](const PeerProgress& peer) { return peer.heard(); });
    return context_.now() - heard <= options_.election_timeout_min;
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
    const Round confirmed =
        reached(round_, [](const PeerProgress& peer) { return peer.round_acked(); });
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
    changes_.leave();
}

// Diss. §6.4.1: counted from when the round was sent, not from when it was answered.
bool Leading::lease_holds() const {
    return options_.lease && log_.commit() >= no_op_ && !lease_given_up_ &&
           confirmed_at_ != Moment() && context_.now() < confirmed_at_ + *options_.lease;
}

// ---- handing leadership over

void Leading::on(const TransferLeadership& wish) {
    const NodeId target = wish.target ? wish.target : best_successor();
    const Member* member = log_.configurations().in_force().configuration.find(target);
    if (target == self_ || !peers_.contains(target) || !member || !member->voter) return;
    if (digests_.differs(target)) {
        context_.log(LogLevel::warning, to_text(target) + " is not fit to lead: its state differs");
        return;
    }
    if (transfer_ && transfer_->target == target) return;
    context_.log(LogLevel::info, "handing leadership over to " + to_text(target));
    transfer_ = Transfer{target, context_.now() + options_.election_timeout_min};
}

// Diss. §3.10: proposals are refused meanwhile, so the target does catch up.
void Leading::maybe_hand_over() {
    if (transfer_ && !peers_.contains(transfer_->target)) transfer_.reset();
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

// To one that is preferred and keeps up: its log is as long as this one was a heartbeat ago.
void Leading::maybe_make_room() {
    if (transfer_ || resigning_) return;
    std::vector<Preference::Candidate> candidates;
    for (const NodeId voter : halves_.front()) {
        const auto peer = peers_.find(voter);
        if (peer == peers_.end()) continue;
        const auto& [node, progress] = *peer;
        const bool heard = context_.now() - progress.heard() <= 2 * options_.heartbeat;
        const bool level = progress.match() >= end_at_tick_;
        candidates.push_back({node, progress.priority, progress.connected && heard && level});
    }
    const auto successor = preference_.successor(candidates, context_.now());
    if (!successor) return;
    context_.log(LogLevel::info, to_text(*successor) + " is preferred as a leader, and is well");
    on(TransferLeadership{*successor});
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

// ---- the states' digests

void Leading::on(const CompareDigestReply& reply, NodeId from) {
    digests_.on(reply, from, digests_view());
}

void Leading::state_unfit() {
    if (std::exchange(resigning_, true)) return;
    context_.log(LogLevel::error, "this node's state is damaged, or not the others': handing over");
    on(TransferLeadership{});
}

NodeId Leading::best_successor() const {
    const auto rank = [&](const PeerProgress& peer) {
        const bool level = peer.connected && peer.match() >= end_at_tick_;
        return std::tuple(level, level ? peer.priority : 0, peer.match(), peer.heard());
    };
    auto best = peers_.end();
    for (const NodeId voter : halves_.front()) {
        const auto peer = peers_.find(voter);
        if (peer == peers_.end() || digests_.differs(voter)) continue;
        if (best == peers_.end() || rank(best->second) < rank(peer->second)) best = peer;
    }
    return best == peers_.end() ? NodeId() : best->first;
}

// ---- membership

bool Leading::member(NodeId node) const {
    return log_.configurations().in_force().configuration.find(node) != nullptr;
}

MemberChanges::View Leading::view() const {
    return {peers_, no_op_, end_at_tick_, transfer_.has_value()};
}

void Leading::on(const ChangeMembers& ask, const Envelope& envelope) {
    if (const auto next = changes_.on(ask, envelope, view())) append(*next);
}

void Leading::append(const Configuration& configuration) {
    context_.log(LogLevel::info, "members: " + to_text(configuration));
    std::string body = encode_configuration(configuration);
    const std::uint32_t crc = crc32c(body);
    append(BatchKind::config, 1, self_, {}, crc, SharedBytes::own(std::move(body)));
    follow_configuration();
}

// It is in force already. What was confirmed by the majorities of the one before says nothing of
// this one's, so a lease begins anew.
void Leading::follow_configuration() {
    forget_demoted(log_.configurations().in_force().configuration);
    const auto& [index, configuration] = log_.configurations().in_force();
    halves_ = configuration.halves();
    confirmed_at_ = Moment();
    for (const Member& member : configuration.everybody()) {
        if (member.node == self_) continue;
        departing_.erase(member.node);
        peers_.try_emplace(member.node, log_.last().index.next(), context_.now());
    }
    for (auto& [node, peer] : peers_)
        if (!member(node) && !departing_.contains(node))
            departing_[node] = {
                index, context_.now() + options_.election_timeout_max * kDepartingTimeouts, {}};
}

// A voter that becomes a learner may have lost its log: what it once acknowledged says nothing of
// what it has, and it is fed from whatever it turns out to hold.
void Leading::forget_demoted(const Configuration& configuration) {
    for (auto& [node, peer] : peers_) {
        const bool voted = std::ranges::any_of(
            halves_, [&](const auto& half) { return std::ranges::binary_search(half, node); });
        if (!voted || configuration.voter(node) || !configuration.find(node)) continue;
        const bool connected = peer.connected;
        peer = PeerProgress(log_.last().index.next(), context_.now());
        peer.connected = connected;
        snapshots_.forget(node);
    }
}

void Leading::maybe_change_members() {
    if (const auto next = changes_.next(view())) append(*next);
    maybe_raise_version();
    const Configuration& now = log_.configurations().in_force().configuration;
    if (resigning_ || now.voter(self_) || !changes_.settled(no_op_)) return;
    resigning_ = true;
    context_.log(LogLevel::info, "this node is no voter any more: it leads no longer");
    on(TransferLeadership{});
}

// The newest version that all members know, once it is known of all of them; never back to an older
// one, which entries of the newer may have followed already.
void Leading::maybe_raise_version() {
    const Configuration& now = log_.configurations().in_force().configuration;
    std::uint32_t version = options_.versions.newest;
    if (version <= now.version || transfer_ || log_.out_of_space()) return;
    if (now.joint() || !changes_.settled(no_op_)) return;
    for (const Member& member : now.members) {
        if (member.node == self_) continue;
        const auto known = speaks_.find(member.node);
        if (known == speaks_.end()) return;
        version = std::min(version, known->second.newest);
    }
    if (version <= now.version) return;
    Configuration raised = now;
    raised.version = version;
    context_.log(LogLevel::info, "all members know version " + std::to_string(version) +
                                     ": from now on the cluster speaks it");
    append(raised);
}

// A peer that left is told of it: it is sent entries until it knows that the configuration without
// it is committed, or for some time.
void Leading::maybe_depart() {
    for (auto left = departing_.begin(); left != departing_.end();) {
        auto& [node, departing] = *left;
        PeerProgress& peer = peers_.at(node);
        peer.commit_wanted = std::max(peer.commit_wanted, departing.final);
        if (!departing.told_in && peer.commit_told >= departing.final)
            departing.told_in = round_.next();
        const bool knows = departing.told_in && peer.round_acked() >= departing.told_in;
        if (knows || context_.now() >= departing.until) {
            snapshots_.forget(node);
            peers_.erase(node);
            left = departing_.erase(left);
        } else {
            ++left;
        }
    }
}

// Diss. §4.2.2. Whoever is to lead next has been told; if that was lost, others will find out.
void Leading::maybe_resign() {
    if (resigning_ && (!transfer_ || transfer_->told))
        context_.send({self_, ActorName::election}, Resign{term_});
}

}  // namespace raftbus
