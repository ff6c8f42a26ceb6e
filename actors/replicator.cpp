#include "actors/replicator.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "messages/text.hpp"

namespace raftbus {

Replicator::Replicator(Context& context, const RaftOptions& options, const RecoveredLog& recovered,
                       LogIndex applied, WallTime clock, const StoredConfiguration& configured)
    : context_(context),
      options_(options),
      self_(context.self().node),
      started_in_(recovered.hard_state.term),
      log_(context, options, recovered, applied, clock, configured),
      fence_(recovered.hard_state.term),
      role_(std::in_place_type<Following>, context, log_, recovered.hard_state.term),
      tick_(context, 1) {
    CHECK(fence_ >= recovered.last.term, "the stored term is never below the log's last");
}

void Replicator::start() {
    // A lease may have been promised before the restart.
    if (options_.lease) promised_until_ = context_.now() + options_.election_timeout_min;
    tick_.start(options_.heartbeat);
    maybe_tell_configuration();
}

// ---- the fence

// Design rules 1 and 6. Raising it ends leadership in the same step; a fence of the term in force
// ends it too, for election asks for that when this node has to step down.
void Replicator::on(const Fence& fence, const Envelope&) {
    CHECK(fence.term >= fence_, "election alone raises the fence");
    const bool raises = fence.term > fence_;
    if (raises && !fence.forced && promises()) {
        tell_election(Fenced{fence.term, Promised{promised_until_ - context_.now()}});
        return;
    }
    stop_leading();
    if (raises) {
        fence_ = fence.term;
        leader_heard_.reset();
        role_.emplace<Following>(context_, log_, fence_);
    }
    std::optional<Duration> since_leader;
    if (leader_heard_) since_leader = context_.now() - *leader_heard_;
    // Who is changing its state for another's can not lead meanwhile.
    const bool fit = log_.storage_answers(options_.storage_stall) && !log_.installing();
    const bool forgetful = log_.last().index < options_.rejoin_at;
    tell_election(
        Fenced{fence.term, Standing{log_.last(), log_.configurations().in_force().configuration,
                                    since_leader, fit, removed_, forgetful, diverged_}});
}

// Design rule 3.
void Replicator::on(const TermSaved& saved, const Envelope&) {
    CHECK(saved.term <= fence_, "a term is fenced before it is saved");
    open_ = std::max(open_, saved.term);
    release_held();
}

// Design rule 4.
void Replicator::on(const Lead& lead, const Envelope&) {
    if (lead.term != fence_) return;  // won, but a newer term has begun since
    CHECK(open_ == fence_, "a candidate's own vote is saved before it counts");
    CHECK(!leads());
    role_.emplace<Leading>(context_, options_, log_, lead.term, speaks_);
    tick_.start(options_.heartbeat);
}

void Replicator::stop_leading() {
    if (Leading* leading = this->leading()) {
        leading->leave();
        role_.emplace<Following>(context_, log_, fence_);
    }
}

// True if a message of `term` may be worked on now. An older one is answered; a newer one makes
// election enter that term.
bool Replicator::admit(Term term, const Envelope& envelope) {
    if (expelled(envelope.from.node)) {
        context_.log(LogLevel::warning,
                     "dropped a message of a node that was removed: " + to_text(envelope.from));
        return false;
    }
    if (term < fence_) {
        context_.send(envelope.from, NewerTerm{fence_});
        return false;
    }
    if (term > open_) {
        term_seen(term);
        return false;
    }
    return true;
}

void Replicator::term_seen(Term term) {
    if (term <= term_told_ || term <= fence_) return;
    term_told_ = term;
    tell_election(TermSeen{term});
}

// What a leader of a term that is not open yet says waits for TermSaved, rather than for the leader
// to say it again. The newest are kept.
void Replicator::hold(const Envelope& envelope, FromLeader message) {
    constexpr std::size_t kHeldMax = 32;
    held_.push_back({envelope, std::move(message)});
    if (held_.size() > kHeldMax) held_.pop_front();
}

void Replicator::release_held() {
    std::deque<Held> held;
    held.swap(held_);
    for (const Held& h : held)
        std::visit([&](const auto& message) { on(message, h.envelope); }, h.message);
}

// ---- following

void Replicator::on(const AppendEntries& append, const Envelope& envelope) {
    if (!admit(append.term, envelope)) {
        if (append.term > open_ && !expelled(envelope.from.node)) hold(envelope, append);
        return;
    }
    CHECK(!leads(), "two leaders in one term");
    if (!following().on(append, envelope.from.node)) {
        context_.log(LogLevel::error, "dropped damaged entries from " + to_text(envelope.from));
        return;
    }
    leader_heard(envelope.from.node);
}

void Replicator::on(const Heartbeat& heartbeat, const Envelope& envelope) {
    if (!admit(heartbeat.term, envelope)) {
        if (heartbeat.term > open_ && !expelled(envelope.from.node)) hold(envelope, heartbeat);
        return;
    }
    CHECK(!leads(), "two leaders in one term");
    const bool fit =
        log_.storage_answers(options_.storage_stall) && !log_.out_of_space() && !diverged_;
    following().on(heartbeat, envelope.from.node, fit ? options_.priority : 0);
    leader_heard(envelope.from.node);
}

void Replicator::on(const InstallSnapshot& piece, const Envelope& envelope) {
    if (!admit(piece.term, envelope)) return;
    CHECK(!leads(), "two leaders in one term");
    following().on(piece, envelope.from.node);
    leader_heard(envelope.from.node);
}

// Election restarts its timer on this; it is told often enough for that, not for every message.
void Replicator::leader_heard(NodeId leader) {
    const Moment now = context_.now();
    const bool news = !leader_heard_ || now - leader_told_ >= options_.heartbeat / 2;
    leader_heard_ = now;
    if (options_.lease) promised_until_ = now + options_.election_timeout_min;
    if (!news) return;
    leader_told_ = now;
    tell_election(LeaderHeard{fence_, leader});
}

// ---- leading

Leading* Replicator::leading_in(Term term) {
    Leading* leading = this->leading();
    return leading && leading->term() == term ? leading : nullptr;
}

void Replicator::on(const AppendEntriesReply& reply, const Envelope& envelope) {
    if (Leading* leading = leading_in(reply.term)) leading->on(reply, envelope.from.node);
}

void Replicator::on(const HeartbeatReply& reply, const Envelope& envelope) {
    if (Leading* leading = leading_in(reply.term)) leading->on(reply, envelope.from.node);
}

void Replicator::on(const InstallSnapshotReply& reply, const Envelope& envelope) {
    if (Leading* leading = leading_in(reply.term)) leading->on(reply, envelope.from.node);
}

void Replicator::on(const NewerTerm& newer, const Envelope& envelope) {
    if (!expelled(envelope.from.node)) term_seen(newer.term);
}

// Each proposal is answered once in the life of this process, whatever role it comes in; copies get
// the same answer. One of a term that an earlier life may have led gets none: what became of it,
// that life knew alone. Its gateway learns it when it applies an entry of a later term.
void Replicator::on(const Propose& propose, const Envelope& envelope) {
    if (propose.term <= started_in_) return;
    RecentProposals& recent = proposals_[envelope.from.node];
    const RecentProposals::Answer* answer = recent.find(propose.proposal);
    if (!answer) {
        Leading* leading = this->leading();
        recent.add(propose.proposal,
                   {leading ? leading->propose(propose, envelope) : Refusal::not_leader});
        answer = recent.find(propose.proposal);
    }
    if (answer->refused)
        context_.send(envelope.from, ProposeRefused{propose.proposal, *answer->refused});
}

void Replicator::on(const ReadIndex& read, const Envelope& envelope) {
    if (Leading* leading = this->leading())
        leading->on(read, envelope);
    else
        context_.send(envelope.from, ReadRefused{read.read, Refusal::not_leader});
}

void Replicator::on(const TransferLeadership& wish, const Envelope& envelope) {
    if (expelled(envelope.from.node)) return;
    if (Leading* leading = this->leading()) leading->on(wish);
}

// ---- membership

void Replicator::on(const ChangeMembers& ask, const Envelope& envelope) {
    if (Leading* leading = this->leading())
        leading->on(ask, envelope);
    else
        context_.send(envelope.from, ChangeRefused{ask.change, Refusal::not_leader, {}});
}

// Said by a member of a configuration that is committed there. What this node knows to be committed
// counts for more than an older one.
void Replicator::on(const RemovalTold& told, const Envelope&) {
    if (removed_ || told.index <= log_.committed_configuration().index) return;
    removed_ = true;
    context_.log(LogLevel::error, to_text(told.by) +
                                      " says that this node was removed from the cluster: it takes "
                                      "no part any more; stop it and delete its data");
}

// Raft §6: a node takes messages of nodes that its own configuration does not know of, for it may
// lag behind. One that was removed for certain is none of them, but for a leader that has just
// removed itself and goes on to the end of its term.
bool Replicator::expelled(NodeId node) const {
    if (!log_.committed_configuration().configuration.was_removed(node)) return false;
    const auto* following = std::get_if<Following>(&role_);
    return !following || following->leader() != node;
}

void Replicator::maybe_tell_configuration() {
    const Configurations::Entry& in_force = log_.configurations().in_force();
    const auto* following = std::get_if<Following>(&role_);
    const Told told{{in_force.index, log_.tail().term_at(in_force.index).value_or(Term())},
                    log_.committed_configuration().index,
                    leads() ? leading()->peers().size() : 0,
                    following ? following->leader() : NodeId()};
    if (told_ == told) return;
    // Election starts from the configuration that this node was first started with.
    const bool news = told_ ? told_->in_force != told.in_force || told_->committed != told.committed
                            : told.in_force.index > LogIndex(0);
    told_ = told;
    peers_told_ = peers();
    const auto may_count = log_.configurations().from(log_.commit());
    const bool votes = std::any_of(may_count.begin(), may_count.end(), [&](const auto* entry) {
        return entry->configuration.voter(self_);
    });
    const Reconfigured reconfigured{in_force.index,
                                    in_force.configuration,
                                    peers_told_,
                                    log_.committed_configuration().configuration.removed,
                                    log_.committed_configuration().index,
                                    votes};
    if (news) tell_election(reconfigured);
    const std::uint32_t version = log_.committed_configuration().configuration.version;
    if (std::exchange(version_told_, version) != version) {
        context_.log(LogLevel::info, "the cluster speaks version " + std::to_string(version));
        Reconfigured committed = reconfigured;
        committed.configuration = log_.committed_configuration().configuration;
        context_.send({self_, ActorName::gateway}, std::move(committed));
    }
    context_.send({self_, ActorName::bus}, reconfigured);
}

// All of the configurations that may yet be in force, whom a leader still sends to, and a leader
// that goes on although it is no member any more.
std::vector<Member> Replicator::peers() const {
    std::map<NodeId, Member> peers;
    for (const Configurations::Entry* entry : log_.configurations().from(log_.commit()))
        for (const Member& member : entry->configuration.everybody())
            peers.insert_or_assign(member.node, member);
    const auto* following = std::get_if<Following>(&role_);
    for (const Member& member : peers_told_) {
        const bool kept =
            leads() ? leading()->peers().contains(member.node) : following->leader() == member.node;
        if (kept) peers.try_emplace(member.node, member);
    }
    peers.erase(self_);
    std::vector<Member> list;
    for (auto& [node, member] : peers) list.push_back(std::move(member));
    return list;
}

// ---- storage and state machine

void Replicator::on(const Appended& done, const Envelope&) {
    log_.on(done);
}

void Replicator::on(const AppendRefused& refused, const Envelope&) {
    log_.on(refused);
}

void Replicator::on(const LogRead& read, const Envelope&) {
    if (log_.on(read)) return;
    if (Leading* leading = this->leading()) leading->on(read);
}

void Replicator::on(const Applied& applied, const Envelope&) {
    log_.on(applied);
}

void Replicator::on(const CompareDigestReply& reply, const Envelope& envelope) {
    if (Leading* leading = leading_in(reply.term)) leading->on(reply, envelope.from.node);
}

void Replicator::on(const PeerSpeaks& speaks, const Envelope&) {
    speaks_[speaks.peer] = {speaks.oldest, speaks.newest};
}

// Wrong or damaged, its log is as good as anybody's: it goes on to acknowledge and to vote, so the
// cluster keeps its majority. But what it would lead with, or answer from, is wrong.
void Replicator::on(const StateJudged& judged, const Envelope&) {
    diverged_ = judged.diverged || judged.damaged;
    if (judged.damaged) log_.state_damaged(judged.damaged->applied);
    if (Leading* leading = this->leading(); leading && diverged_) leading->state_unfit();
}

// ---- snapshots and compaction

void Replicator::on(const SnapshotRead& read, const Envelope&) {
    if (Leading* leading = this->leading()) leading->on(read);
}

void Replicator::on(const SnapshotWritten& written, const Envelope&) {
    if (!leads() && open_ == fence_) following().on(written);
}

void Replicator::on(const StateInstalled& installed, const Envelope&) {
    log_.on(installed);
    if (!leads() && open_ == fence_) following().on(installed);
}

void Replicator::on(const Flushed& flushed, const Envelope&) {
    const Leading* leading = this->leading();
    const auto held = leading ? leading->holds_log_at() : std::nullopt;
    log_.on(Flushed{std::min(flushed.index, held.value_or(flushed.index)), flushed.ask});
}

void Replicator::on(const Compacted& compacted, const Envelope&) {
    log_.on(compacted);
    context_.send({self_, ActorName::state_machine}, LogCut{compacted.before_first.index.next()});
    if (compacted.ask)
        context_.send({self_, ActorName::gateway}, SnapshotTaken{compacted.ask, compacted.flushed});
}

// ---- connections

void Replicator::on(const PeerUp& up, const Envelope&) {
    if (Leading* leading = this->leading()) leading->on(up);
}

// A leader whose process is gone is no reason to refuse others a pre-vote; but a promised lease
// holds.
void Replicator::on(const PeerLost& lost, const Envelope&) {
    if (Leading* leading = this->leading()) return leading->on(lost);
    if (following().leader() == lost.peer) leader_heard_.reset();
}

// ---- the rest

void Replicator::on_timer(TimerId timer) {
    if (!tick_.fired(timer)) return;
    tick_.start(options_.heartbeat);
    log_.retry_after_refusal();
    if (Leading* leading = this->leading()) leading->tick();
}

// A leader tells its peers first: their way is the longer one.
void Replicator::on_drained() {
    if (Leading* leading = this->leading()) leading->drained();
    log_.flush();
    if (!leads() && open_ == fence_) following().acknowledge();
    log_.feed_state_machine();
    maybe_tell_configuration();
}

void Replicator::on(const AskReport& ask, const Envelope& envelope) {
    const Configuration& configuration = log_.configurations().in_force().configuration;
    const bool member = !removed_ && configuration.find(self_);
    context_.send(
        envelope.from,
        ReplicatorReport{ask.ask, log_.tail().first_on_disk(), log_.last().index, log_.commit(),
                         configuration.everybody(), log_.storage_answers(options_.storage_stall),
                         member, log_.committed_configuration().configuration.version});
}

LogIndex Replicator::matched() const {
    auto* following = std::get_if<Following>(&role_);
    return following ? following->matched() : LogIndex();
}

std::string Replicator::describe() const {
    return (leads() ? "leads, fence " : "follows, fence ") + std::to_string(fence_.value) +
           ", open " + std::to_string(open_.value) + ", last " + to_text(log_.last()) +
           ", commit " + std::to_string(log_.commit().value);
}

}  // namespace raftbus
