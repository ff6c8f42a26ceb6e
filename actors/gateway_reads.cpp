#include "actors/gateway_reads.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"

namespace raftbus {
namespace {

using namespace std::chrono_literals;
using client::ErrorCode;

constexpr Duration kHold = 10ms;                 // between a refusal and the next question
constexpr Duration kPatience = 100ms;            // for the first confirmation; doubles each time
constexpr std::uint64_t kAnswerBytes = 4 << 20;  // of what is read from the state at once
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
      parked_(in_flight),
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
    context_.serve(group.request);
    send({std::move(group.reads), std::move(group.queries), at, local});
}

// The answers come in pieces of limited size. For who does not take what he has, nothing is read.
void GatewayReads::send(Reading reading) {
    if (answers_.unread().bytes() > 0) park_if_full(reading);
    if (reading.reads.empty()) return;
    last_read_ = last_read_.next();
    ReadState read{last_read_, reading.at, {}, kAnswerBytes};
    if (reading.queries.size() == 1)
        read.queries = std::move(reading.queries);
    else
        read.queries = reading.queries;
    reading_.emplace(last_read_, std::move(reading));
    context_.send({context_.self().node, ActorName::state_machine}, std::move(read));
}

// Leaves those that may be answered, and forgets those that were.
void GatewayReads::park_if_full(Reading& reading) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < reading.reads.size(); ++i) {
        const InFlightRequest* request = in_flight_.find(reading.reads[i]);
        if (request == nullptr) continue;
        const std::string_view route = request->route.view();
        if (answers_.unread().full(route)) {
            parked_.park(route, {reading.reads[i], std::move(reading.queries[i]), reading.at,
                                 reading.local});
            continue;
        }
        if (kept != i) {
            reading.reads[kept] = reading.reads[i];
            reading.queries[kept] = std::move(reading.queries[i]);
        }
        ++kept;
    }
    reading.reads.resize(kept);
    reading.queries.resize(kept);
}

void GatewayReads::on_room() {
    if (parked_.size() == 0) return;
    Reading confirmed, local{.local = true};
    for (ParkedReads::Parked& parked :
         parked_.take([&](std::string_view client) { return !answers_.unread().full(client); })) {
        Reading& to = parked.local ? local : confirmed;
        to.reads.push_back(parked.key);
        to.queries.push_back(std::move(parked.query));
        to.at = std::max(to.at, parked.at);
    }
    context_.serve({});
    send(std::move(confirmed));
    send(std::move(local));
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
    Reading& reading = found.mapped();
    const std::size_t count = state.answers.size();
    CHECK(count <= reading.reads.size() && (count > 0 || reading.reads.empty()));
    for (std::size_t i = 0; i < count; ++i)
        give(reading.reads[i], state, state.answers[i], reading.local);
    if (count == reading.reads.size()) return;
    Reading rest{{}, {}, reading.at, reading.local};
    for (std::size_t i = count; i < reading.reads.size(); ++i) {
        if (!in_flight_.has(reading.reads[i])) continue;
        rest.reads.push_back(reading.reads[i]);
        rest.queries.push_back(std::move(reading.queries[i]));
    }
    send(std::move(rest));
}

void GatewayReads::give(RequestKey key, const StateRead& state, const Answer& answer, bool local) {
    const auto applied = local ? std::optional(state.applied) : std::nullopt;
    if (std::holds_alternative<NoAnswer>(answer))
        answers_.give(key, state_damaged());
    else if (const auto* get = std::get_if<GetAnswer>(&answer))
        answers_.give(key, client::GetReply{*get, applied});
    else
        answers_.give(key, client::ScanReply{std::get<ScanAnswer>(answer), applied});
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
