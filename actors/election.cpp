#include "actors/election.hpp"

#include <algorithm>

namespace raftbus {
namespace {

// How long the first survivor to notice is left alone before the next one tries: longer than an
// election on one machine takes, shorter than anybody would call an outage.
constexpr Duration kRankStep = 20ms;
// The pause after a campaign that was refused, doubled with each one in a row.
constexpr Duration kRetryFirst = 15ms;

std::string term_text(Term term) {
    return "term " + std::to_string(term.value);
}

}  // namespace

Election::Election(Context& context, const RaftOptions& options, HardState saved)
    : context_(context),
      options_(options),
      self_(context.self().node),
      hard_state_(saved),
      saved_(saved),
      election_timeout_(context, 1),
      transfer_timeout_(context, 2),
      stop_timeout_(context, 3) {
    for (const Member& member : options.members)
        if (member.voter) voters_.push_back(member.node);
    std::sort(voters_.begin(), voters_.end());
}

void Election::start() {
    // What is stored is saved, so the replicator may work in that term from the first moment.
    if (saved_.term) tell(ActorName::replicator, TermSaved{saved_.term});
    const bool alone = voters_ == std::vector{self_};
    election_timeout_.start(alone ? Duration(0) : draw_timeout());
}

// ---- matters: fence, judge, save, speak

// Queues what needs the replicator's word. A newer matter of the same kind and sender replaces the
// older one, so the queue is bounded by the number of peers.
void Election::take_up(Matter matter) {
    const auto same = [&](const Matter& other) {
        if (other.index() != matter.index()) return false;
        if (auto* a = std::get_if<JudgeVote>(&other))
            return a->asked.from == std::get<JudgeVote>(matter).asked.from;
        if (auto* a = std::get_if<JudgePreVote>(&other))
            return a->asked.from == std::get<JudgePreVote>(matter).asked.from;
        if (auto* a = std::get_if<Adopt>(&other)) return a->term <= std::get<Adopt>(matter).term;
        return true;
    };
    std::erase_if(waiting_, same);
    waiting_.push_back(std::move(matter));
    next_matter();
}

// Sends the fence for the next matter, if none is under way (design rule 8: at most one).
void Election::next_matter() {
    while (std::holds_alternative<std::monostate>(under_way_) && !waiting_.empty()) {
        Matter matter = std::move(waiting_.front());
        waiting_.pop_front();
        if (!still_matters(matter)) continue;
        bool forced = std::holds_alternative<Adopt>(matter);
        if (auto* vote = std::get_if<JudgeVote>(&matter)) forced = vote->request.forced;
        if (auto* run = std::get_if<Run>(&matter)) forced = run->forced;
        const Term term = fence_term(matter);
        under_way_ = Fencing{term, std::move(matter)};
        tell(ActorName::replicator, Fence{term, forced});
    }
}

// A fence of the current term ends leadership, so what can be answered without one is answered
// here.
bool Election::still_matters(const Matter& matter) {
    const bool leading = std::holds_alternative<Leader>(role_);
    if (auto* m = std::get_if<JudgePreVote>(&matter)) {
        if (!leading && m->request.term > term()) return true;
        answer(m->asked, PreVoteReply{m->request.term, false, term()});
        return false;
    }
    if (auto* m = std::get_if<JudgeVote>(&matter)) {
        const bool campaigning = leading || std::holds_alternative<Candidate>(role_);
        if (m->request.term > term() || (m->request.term == term() && !campaigning)) return true;
        answer(m->asked, RequestVoteReply{m->request.term, false, term()});
        return false;
    }
    const bool idle = !stopping_ && !leading && !std::holds_alternative<Candidate>(role_);
    if (std::holds_alternative<SoundOut>(matter)) return idle;
    if (auto* run = std::get_if<Run>(&matter))
        return idle && (run->forced || std::holds_alternative<PreCandidate>(role_));
    const Term adopted = std::get<Adopt>(matter).term;
    return adopted > term() || (adopted == term() && leading);
}

Term Election::fence_term(const Matter& matter) const {
    if (auto* m = std::get_if<JudgeVote>(&matter)) return std::max(m->request.term, term());
    if (std::holds_alternative<Run>(matter)) return term().next();
    if (auto* m = std::get_if<Adopt>(&matter)) return m->term;
    return term();
}

// The fence stands, so the term is entered here and nowhere else.
void Election::on(const Fenced& fenced, const Envelope&) {
    auto* fencing = std::get_if<Fencing>(&under_way_);
    CHECK(fencing && fencing->term == fenced.term, "one fence at a time, answered in order");
    const Matter matter = std::move(fencing->matter);
    under_way_ = std::monostate{};
    if (auto* promised = std::get_if<Promised>(&fenced.outcome)) {
        refused(matter, promised->remaining);
    } else {
        const Standing& standing = std::get<Standing>(fenced.outcome);
        voters_ = standing.configuration.voters();
        if (fenced.term > term()) enter_term(fenced.term);
        std::visit([&](const auto& m) { judge(m, standing); }, matter);
    }
    next_matter();
}

void Election::enter_term(Term term) {
    hard_state_ = {term, NodeId()};
    become_follower("a newer term, " + std::to_string(term.value));
    set_leader(NodeId());
}

// Has term and vote made durable and then does what the matter asks for; at once if they are.
void Election::save(Matter matter) {
    if (hard_state_ == saved_) return saved(matter);
    last_request_ = last_request_.next();
    under_way_ = Saving{last_request_, std::move(matter)};
    tell(ActorName::storage, SaveHardState{last_request_, term(), vote()});
}

void Election::on(const HardStateSaved& done, const Envelope&) {
    auto* saving = std::get_if<Saving>(&under_way_);
    CHECK(saving && saving->request == done.request, "one save at a time, answered in order");
    const Matter matter = std::move(saving->matter);
    under_way_ = std::monostate{};
    saved_ = hard_state_;  // nothing has changed it since: it changes only under a fence
    tell(ActorName::replicator, TermSaved{term()});
    saved(matter);
    next_matter();
}

// ---- votes

void Election::on(const PreVote& request, const Envelope& envelope) {
    take_up(JudgePreVote{request, envelope});
}

// Diss. §9.6 and §4.2.3: not while a leader is being heard; nothing changes here.
void Election::judge(const JudgePreVote& matter, const Standing& standing) {
    const bool granted = matter.request.term > term() && !leader_is_heard(standing) &&
                         !standing.forgetful &&
                         matter.request.last.at_least_as_up_to_date_as(standing.last);
    answer(matter.asked, PreVoteReply{matter.request.term, granted, term()});
}

void Election::on(const RequestVote& request, const Envelope& envelope) {
    take_up(JudgeVote{request, envelope});
}

// Raft §5.2, §5.4.1: one vote a term, first come first served, to a log that is not behind. Who has
// forgotten what it acknowledged can not tell whose log is.
void Election::judge(const JudgeVote& matter, const Standing& standing) {
    const NodeId candidate = matter.asked.from.node;
    const bool free = !vote() || vote() == candidate;
    if (matter.request.term == term() && free && !standing.forgetful &&
        matter.request.last.at_least_as_up_to_date_as(standing.last)) {
        hard_state_.vote = candidate;
        election_timeout_.start(draw_timeout());
    }
    save(matter);
}

void Election::on(const RequestVoteReply& reply, const Envelope& envelope) {
    if (reply.current > term()) return take_up(Adopt{reply.current});
    auto* candidate = std::get_if<Candidate>(&role_);
    if (!candidate || reply.term != term()) return;  // of an earlier campaign
    candidate->tally.count(envelope.from.node, reply.granted);
    if (candidate->tally.won()) return become_leader();
    if (candidate->tally.lost())
        campaign_failed("most peers voted for another or hold a longer log");
}

void Election::on(const PreVoteReply& reply, const Envelope& envelope) {
    if (reply.current > term()) return take_up(Adopt{reply.current});
    auto* sounding = std::get_if<PreCandidate>(&role_);
    if (!sounding || reply.term != term().next()) return;  // of an earlier sounding
    sounding->tally.count(envelope.from.node, reply.granted);
    if (sounding->tally.won()) return take_up(Run{false});
    if (sounding->tally.lost()) campaign_failed("most peers hear a leader or hold a longer log");
}

// A promise to a leader stands in the way. Nothing has changed, the term least of all.
void Election::refused(const Matter& matter, Duration remaining) {
    if (auto* m = std::get_if<JudgeVote>(&matter))
        return answer(m->asked, RequestVoteReply{m->request.term, false, term()});
    CHECK(std::holds_alternative<Run>(matter), "only what raises the term can be refused");
    become_follower("a leader was promised more time");
    election_timeout_.start(remaining + draw_timeout());
}

// ---- campaigning

void Election::on_timer(TimerId timer) {
    if (election_timeout_.fired(timer)) {
        election_timeout_.start(draw_timeout());
        if (std::holds_alternative<Candidate>(role_))
            become_follower("the campaign got no majority");
        take_up(SoundOut{});
    } else if (transfer_timeout_.fired(timer)) {
        if (options_.lease)
            take_up(SoundOut{});
        else
            take_up(Run{true});
    } else if (stop_timeout_.fired(timer)) {
        tell(ActorName::bus, Stopped{});
    }
}

void Election::judge(const SoundOut&, const Standing& standing) {
    if (!may_campaign() || standing.removed || standing.forgetful) {
        if (!leader_is_heard(standing)) set_leader(NodeId());  // clients need not wait for it
        return become_follower(standing.removed     ? "removed from the cluster"
                               : standing.forgetful ? "its data is being rebuilt"
                                                    : "not a voter");
    }
    if (!standing.storage_answers) return become_follower("the own disk does not answer");
    if (standing.diverged) {
        if (!leader_is_heard(standing)) set_leader(NodeId());
        return become_follower("its state differs from the others', or is damaged");
    }
    if (leader_is_heard(standing)) return campaign_failed("a leader was heard a moment ago");
    if (leader_) {
        context_.log(LogLevel::warning, "leader " + to_text(leader_) + " of " + term_text(term()) +
                                            " is not heard any more");
        set_leader(NodeId());
    }
    role_ = PreCandidate{VoteTally(standing.configuration)};
    auto& sounding = std::get<PreCandidate>(role_);
    sounding.tally.count(self_, true);
    ask_peers(sounding.tally.voters(), PreVote{term().next(), standing.last});
    if (sounding.tally.won()) take_up(Run{false});
}

void Election::judge(const Run& run, const Standing& standing) {
    CHECK(term() > saved_.term && !vote(), "a campaign enters a term of its own");
    if (!may_campaign() || standing.removed || standing.forgetful || standing.diverged)
        return save(Adopt{term()});  // only since it was asked to
    hard_state_.vote = self_;
    role_ = Candidate{VoteTally(standing.configuration), standing.last, run.forced};
    transfer_timeout_.stop();
    election_timeout_.start(draw_timeout());
    context_.log(LogLevel::info, "candidate in " + term_text(term()) +
                                     (run.forced ? ": leadership was asked for"
                                                 : ": a majority would vote for it"));
    save(run);
}

// The own vote counts, and is spoken of, only now that it is durable.
void Election::ask_for_votes() {
    auto* candidate = std::get_if<Candidate>(&role_);
    if (!candidate || vote() != self_) return;
    candidate->tally.count(self_, true);
    ask_peers(candidate->tally.voters(), RequestVote{term(), candidate->last, candidate->forced});
    if (candidate->tally.won()) become_leader();
}

void Election::saved(const Matter& matter) {
    if (auto* m = std::get_if<JudgeVote>(&matter))
        answer(m->asked, RequestVoteReply{m->request.term, vote() == m->asked.from.node, term()});
    else if (std::holds_alternative<Run>(matter))
        ask_for_votes();
    maybe_stopped();
}

// Refused, so others are there: try again soon, but later each time. Silence waits for the timeout.
void Election::campaign_failed(std::string_view why) {
    become_follower(why);
    if (!may_jump_the_timeout()) return election_timeout_.start(draw_timeout());
    const Duration pause = kRetryFirst * (1U << std::min(failures_, 8U));
    ++failures_;
    const Duration jittered = pause + Duration(context_.random(pause.count()));
    election_timeout_.start(std::min(jittered, draw_timeout()));
}

void Election::become_leader() {
    const auto granted = std::get<Candidate>(role_).tally.granted();
    std::string by;
    for (NodeId node : granted) by += (by.empty() ? "" : ", ") + to_text(node);
    context_.log(LogLevel::info, "leader of " + term_text(term()) + ": elected by " + by);
    role_ = Leader{};
    failures_ = 0;
    election_timeout_.stop();
    tell(ActorName::replicator, Lead{term()});
    set_leader(self_);
}

void Election::become_follower(std::string_view why) {
    if (std::holds_alternative<Follower>(role_)) return;
    const bool was_sounding = std::holds_alternative<PreCandidate>(role_);
    context_.log(was_sounding ? LogLevel::debug : LogLevel::info, "follower: " + std::string(why));
    role_ = Follower{};
    if (!election_timeout_.running()) election_timeout_.start(draw_timeout());
}

// ---- what the replicator reports

void Election::on(const TermSeen& seen, const Envelope&) {
    take_up(Adopt{seen.term});
}

void Election::judge(const Adopt& matter, const Standing&) {
    become_follower("stepped down in " + term_text(matter.term));
    if (leader_ == self_) set_leader(NodeId());
    save(matter);
}

void Election::on(const LeaderHeard& heard, const Envelope&) {
    if (heard.term != term()) return;  // the fence has moved on since
    CHECK(!std::holds_alternative<Leader>(role_), "two leaders in one term");
    become_follower("heard leader " + to_text(heard.leader) + " of " + term_text(heard.term));
    if (leader_ != heard.leader)
        context_.log(LogLevel::info,
                     "follows " + to_text(heard.leader) + " in " + term_text(heard.term));
    failures_ = 0;
    set_leader(heard.leader);
    election_timeout_.start(draw_timeout());
    maybe_stopped();
}

void Election::on(const QuorumLost& lost, const Envelope&) {
    if (lost.term != term() || !std::holds_alternative<Leader>(role_)) return;
    context_.log(LogLevel::warning, "no majority was heard for an election timeout: stepping down");
    take_up(Adopt{lost.term});
}

void Election::on(const Reconfigured& reconfigured, const Envelope&) {
    voters_ = reconfigured.configuration.voters();
    needed_ = !voter() && reconfigured.votes;
}

void Election::on(const Resign& resign, const Envelope&) {
    if (resign.term != term() || !std::holds_alternative<Leader>(role_)) return;
    take_up(Adopt{resign.term});
}

// ---- wishes

// Diss. §3.10. One that comes late, in another term, must not depose anybody.
void Election::on(const TimeoutNow& now, const Envelope& envelope) {
    if (now.term != term() || envelope.from.node != leader_ || !may_campaign()) return;
    take_up(Run{true});
}

void Election::on(const Campaign&, const Envelope& envelope) {
    const bool leading = std::holds_alternative<Leader>(role_);
    answer(envelope, CampaignReply{term(), leading});
    if (leading || !may_campaign()) return;
    if (leader_) {  // the gentle way: the leader waits until this node has everything
        context_.send({leader_, ActorName::replicator}, TransferLeadership{self_});
        transfer_timeout_.start(options_.election_timeout_min);
    } else if (options_.lease) {
        take_up(SoundOut{});
    } else {
        take_up(Run{true});
    }
}

void Election::on(const Stop&, const Envelope&) {
    stopping_ = true;
    if (std::holds_alternative<Leader>(role_) && voters_.size() > 1) {
        context_.log(LogLevel::info, "stopping: handing leadership over");
        tell(ActorName::replicator, TransferLeadership{});
        stop_timeout_.start(options_.election_timeout_max);
    } else {
        tell(ActorName::bus, Stopped{});
    }
}

void Election::maybe_stopped() {
    if (!stop_timeout_.running() || std::holds_alternative<Leader>(role_)) return;
    stop_timeout_.stop();
    tell(ActorName::bus, Stopped{});
}

// ---- connections

// A majority is there and nobody leads: after a start of the whole cluster nobody need wait for a
// timeout either. A leader that lives is heard within one heartbeat.
void Election::on(const PeerUp& up, const Envelope&) {
    connected_.insert(up.peer);
    const auto others = std::count_if(voters_.begin(), voters_.end(),
                                      [&](NodeId voter) { return connected_.contains(voter); });
    const bool majority = static_cast<std::size_t>(others + 1) * 2 > voters_.size();
    const bool campaigning = role() == RoleName::candidate || role() == RoleName::leader;
    if (leader_ || !majority || campaigning || !may_jump_the_timeout()) return;
    election_timeout_.start(options_.heartbeat * 2 + kRankStep * rank_without(NodeId()));
}

// Design "Fast failover": the process that led is gone, so nobody waits for a timeout. The
// survivors try in an order of their own, so that they do not split the vote.
void Election::on(const PeerLost& lost, const Envelope&) {
    connected_.erase(lost.peer);
    if (lost.peer != leader_ || !may_jump_the_timeout()) return;
    context_.log(LogLevel::info, "the connection to leader " + to_text(lost.peer) + " broke");
    set_leader(NodeId());
    election_timeout_.start(kRankStep * rank_without(lost.peer));
}

// This node's place among the voters that are left, counted from the one that follows `lost`.
std::size_t Election::rank_without(NodeId lost) const {
    std::vector<NodeId> order = voters_;
    std::rotate(order.begin(), std::upper_bound(order.begin(), order.end(), lost), order.end());
    std::erase(order, lost);
    return std::find(order.begin(), order.end(), self_) - order.begin();
}

// ---- reports

void Election::on(const AskReport& ask, const Envelope& envelope) {
    answer(envelope, ElectionReport{ask.ask, role(), term(), leader_});
}

RoleName Election::role() const {
    constexpr RoleName names[] = {RoleName::follower, RoleName::pre_candidate, RoleName::candidate,
                                  RoleName::leader};
    return names[role_.index()];
}

std::string Election::describe() const {
    return std::string(to_string(role())) + " of " + term_text(term());
}

void Election::set_leader(NodeId leader) {
    if (leader) transfer_timeout_.stop();
    leader_ = leader;
    const LeaderChanged news{term(), leader};
    if (news == leader_told_) return;
    leader_told_ = news;
    tell(ActorName::gateway, news);
}

void Election::answer(const Envelope& asked, AnyMessage message) {
    context_.answering(asked);
    context_.send(asked.from, std::move(message));
}

template <class M>
void Election::ask_peers(const std::vector<NodeId>& voters, const M& message) {
    for (NodeId voter : voters)
        if (voter != self_) context_.send({voter, ActorName::election}, message);
}

bool Election::leader_is_heard(const Standing& standing) const {
    return standing.since_leader && *standing.since_leader < options_.election_timeout_min;
}

Duration Election::draw_timeout() {
    const auto spread = options_.election_timeout_max - options_.election_timeout_min;
    return options_.election_timeout_min + Duration(context_.random(spread.count() + 1));
}

}  // namespace raftbus
