#include "actors/gateway_reads.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"

namespace raftbus {
namespace {

using namespace std::chrono_literals;
using client::ErrorCode;

constexpr Duration kHold = 10ms;       // between a refusal and the next question
constexpr Duration kPatience = 100ms;  // for the first confirmation; doubles each time
constexpr ReadMode kModes[] = {ReadMode::confirm, ReadMode::lease};

// Reads' numbers start at a random point, so that a late answer to an earlier life of this process
// is never taken for one to this.
constexpr std::uint64_t kNumbersFrom = std::uint64_t{1} << 62;

}  // namespace

GatewayReads::Group::Group() : patience(kPatience) {}

GatewayReads::GatewayReads(Context& context, InFlight& in_flight, Answers& answers,
                           TimerId retry_timer)
    : context_(context),
      in_flight_(in_flight),
      answers_(answers),
      last_read_(context.random(kNumbersFrom)),
      retry_(context, retry_timer) {}

void GatewayReads::add(RequestKey key, client::Consistency consistency, Query query) {
    Group& group = consistency == client::Consistency::local   ? local_
                   : consistency == client::Consistency::lease ? waiting(ReadMode::lease)
                                                               : waiting(ReadMode::confirm);
    group.reads.push_back(key);
    group.queries.push_back(std::move(query));
    note(group, key);
}

void GatewayReads::add_heartbeat(RequestKey key) {
    Group& group = waiting(ReadMode::confirm);
    group.heartbeats.push_back(key);
    note(group, key);
}

// Has traces follow the first request that asked for it, else the last one.
void GatewayReads::note(Group& group, RequestKey key) {
    const InFlightRequest* request = in_flight_.find(key);
    CHECK(request != nullptr);
    if (group.traced) return;
    group.request = request->request;
    group.traced = request->trace;
}

void GatewayReads::send_waiting() {
    if (!local_.empty()) read(std::exchange(local_, {}), LogIndex(), true);
    for (const ReadMode mode : kModes) {
        if (expired_ * 2 > waiting(mode).size()) prune(waiting(mode));
        if (leader_.leader && !held_ && !waiting(mode).empty()) ask(mode);
    }
    if (waiting(ReadMode::confirm).empty() && waiting(ReadMode::lease).empty()) expired_ = 0;
}

void GatewayReads::ask(ReadMode mode) {
    prune(waiting(mode));
    Group group = std::exchange(waiting(mode), {});
    if (group.empty()) return;
    last_read_ = last_read_.next();
    context_.serve(group.request);
    context_.send({leader_.leader, ActorName::replicator}, ReadIndex{last_read_, mode});
    const Moment again_at = context_.now() + group.patience;
    asked_.emplace(last_read_, Asked{std::move(group), mode, again_at});
    retry_at(again_at);
}

// Has the state machine answer once `at` is applied.
void GatewayReads::read(Group group, LogIndex at, bool local) {
    last_read_ = last_read_.next();
    reading_.emplace(last_read_, Reading{std::move(group.reads), local});
    context_.serve(group.request);
    context_.send({context_.self().node, ActorName::state_machine},
                  ReadState{last_read_, at, std::move(group.queries)});
}

void GatewayReads::on_leader_changed(const LeaderChanged& leader) {
    leader_ = leader;
    if (!leader.leader) return;
    held_ = false;
    for (auto& [number, asked] : std::exchange(asked_, {})) wait_again(std::move(asked));
}

void GatewayReads::on_confirmed(const ReadIndexReply& reply, const Envelope& envelope) {
    auto found = asked_.extract(reply.read);
    if (found.empty()) return;  // asked again since, or answered
    Group group = std::move(found.mapped().group);
    for (const RequestKey key : group.heartbeats)
        answers_.give(key,
                      client::HeartbeatReply{envelope.from.node, reply.term, reply.round_trip_us});
    if (!group.reads.empty()) read(std::move(group), reply.index, false);
}

void GatewayReads::on_refused(const ReadRefused& refused) {
    auto found = asked_.extract(refused.read);
    if (found.empty()) return;
    Asked asked = std::move(found.mapped());
    std::optional<client::Failure> failure;
    if (refused.why == Refusal::busy)
        failure = {ErrorCode::busy, "too many reads wait to be confirmed", {}};
    if (refused.why == Refusal::unsupported)
        failure = {ErrorCode::unsupported, "the leader does not hold a lease", {}};
    if (!failure) {
        wait_again(std::move(asked));
        return hold();
    }
    for (const RequestKey key : asked.group.heartbeats) answers_.give(key, *failure);
    for (const RequestKey key : asked.group.reads) answers_.give(key, *failure);
}

// What was asked for joins what waits for the next question.
void GatewayReads::wait_again(Asked asked) {
    Group& to = waiting(asked.mode);
    Group& from = asked.group;
    to.heartbeats.insert(to.heartbeats.end(), from.heartbeats.begin(), from.heartbeats.end());
    to.reads.insert(to.reads.end(), from.reads.begin(), from.reads.end());
    std::move(from.queries.begin(), from.queries.end(), std::back_inserter(to.queries));
    if (from.traced || !to.request) to.request = from.request;
    to.traced = to.traced || from.traced;
    to.patience = std::max(to.patience, from.patience);
}

// Keeps questions from running in circles between this node and one that does not lead.
void GatewayReads::hold() {
    if (held_) return;
    held_ = true;
    retry_at(context_.now() + kHold);
}

void GatewayReads::on_timer(TimerId id) {
    if (!retry_.fired(id)) return;
    held_ = false;
    std::optional<Moment> next;
    for (auto it = asked_.begin(); it != asked_.end();) {
        Asked& asked = it->second;
        if (asked.again_at > context_.now()) {
            next = std::min(next.value_or(asked.again_at), asked.again_at);
            ++it;
            continue;
        }
        asked.group.patience *= 2;
        wait_again(std::move(asked));
        it = asked_.erase(it);
    }
    if (next) retry_at(*next);
}

void GatewayReads::retry_at(Moment when) {
    if (retry_.running() && retry_at_ <= when) return;
    retry_at_ = when;
    retry_.start(when - context_.now());
}

void GatewayReads::on_answers(const StateRead& state) {
    const auto found = reading_.extract(state.read);
    CHECK(!found.empty(), "the state machine answers each read once");
    const Reading& reading = found.mapped();
    CHECK(reading.reads.size() == state.answers.size());
    const auto applied = reading.local ? std::optional(state.applied) : std::nullopt;
    for (std::size_t i = 0; i < reading.reads.size(); ++i) {
        if (const auto* get = std::get_if<GetAnswer>(&state.answers[i]))
            answers_.give(reading.reads[i], client::GetReply{*get, applied});
        else
            answers_.give(reading.reads[i],
                          client::ScanReply{std::get<ScanAnswer>(state.answers[i]), applied});
    }
}

// Forgets what has been answered at its deadline.
void GatewayReads::prune(Group& group) const {
    std::erase_if(group.heartbeats, [&](RequestKey key) { return !in_flight_.has(key); });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < group.reads.size(); ++i) {
        if (!in_flight_.has(group.reads[i])) continue;
        if (kept != i) {
            group.reads[kept] = group.reads[i];
            group.queries[kept] = std::move(group.queries[i]);
        }
        ++kept;
    }
    group.reads.resize(kept);
    group.queries.resize(kept);
}

client::Failure GatewayReads::expired() {
    ++expired_;
    if (!leader_.leader) return {ErrorCode::no_leader, "no leader known in time", {}};
    return {ErrorCode::timeout, "no answer in time; a read changes nothing: send it again", {}};
}

}  // namespace raftbus
