#include "actors/gateway_writes.hpp"

#include <algorithm>
#include <utility>

namespace raftbus {
namespace {

using client::ErrorCode;
using client::Failure;

// How long proposals are held back after a refusal: from the first to the last, doubling.
constexpr Duration kHoldMin = 2ms;
constexpr Duration kHoldMax = 20ms;

// Proposals' numbers start at a random point, so that those of two lives never meet.
constexpr std::uint64_t kNumbersFrom = std::uint64_t{1} << 62;

client::WriteReply success(client::Op op, const Written& written) {
    if (op == client::Op::erase) return {written.revision, written.found};
    return {written.revision, std::nullopt};
}

Failure lost() {
    return {ErrorCode::timeout,
            "this node was too far behind and got a snapshot: the write may have happened, read to "
            "find out",
            {}};
}

Failure failure(const AnswerTooLarge& large) {
    return {ErrorCode::too_large,
            "the transaction's GETs would answer " + std::to_string(large.bytes) +
                " bytes; the limit is " + std::to_string(large.limit) + ": nothing was done",
            {}};
}

Failure failure(const OutcomeForgotten& forgotten) {
    return {ErrorCode::bad_request,
            "field 'seq' is so old that what came of it is forgotten: the session's newest is " +
                std::to_string(forgotten.newest) + "; it is not executed again",
            {},
            true};
}

Failure failure(const ConditionFailed& stands) {
    return {ErrorCode::condition_failed,
            stands.found ? "the condition did not hold: the key's revision is " +
                               std::to_string(stands.revision)
                         : "the condition did not hold: the key is absent",
            stands};
}

}  // namespace

GatewayWrites::GatewayWrites(Context& context, const GatewayOptions& options, InFlight& in_flight,
                             Answers& answers, TimerId retry_timer)
    : context_(context),
      in_flight_(in_flight),
      answers_(answers),
      proposals_(in_flight, options.batch_bytes_max, ProposalNumber(context.random(kNumbersFrom))),
      hold_for_(kHoldMin),
      retry_(context, retry_timer) {}

void GatewayWrites::add(RequestKey key, const Command& command) {
    in_flight_.set_batch(key, proposals_.add(key, command));
}

void GatewayWrites::send_waiting() {
    // A leader of a term below what is applied here has been replaced; its successor is not known
    // yet.
    if (!leader_.leader || leader_.term < applied_term_ || retry_.running()) return;
    while (proposals_.outstanding_count() < kProposalsOutstandingMax) {
        auto outgoing = proposals_.propose(leader_.term);
        if (!outgoing) return;
        send(std::move(*outgoing));
    }
}

void GatewayWrites::send(Proposals::Outgoing outgoing) {
    context_.serve(outgoing.request);
    context_.send({leader_.leader, ActorName::replicator}, std::move(outgoing.message));
}

// What was sent while the connection did not stand is lost, or is not: the leader knows.
void GatewayWrites::on_peer_up(NodeId peer) {
    if (peer == leader_.leader) repeat();
}

void GatewayWrites::repeat() {
    if (!leader_.leader) return;  // on_leader_changed repeats
    for (Proposals::Outgoing& outgoing : proposals_.repeat(leader_.term)) send(std::move(outgoing));
}

void GatewayWrites::on_leader_changed(const LeaderChanged& leader) {
    leader_ = leader;
    hold_for_ = kHoldMin;
    retry_.stop();
    repeat();  // the same leader may have been lost sight of, and what was sent meanwhile lost
}

void GatewayWrites::on_refused(const ProposeRefused& refused) {
    switch (refused.why) {
        case Refusal::not_leader:
        case Refusal::transferring:
            proposals_.wait_again(refused.proposal);
            return hold();
        case Refusal::busy:
            return give_up(refused, {ErrorCode::busy, "too much waits to be committed", {}});
        case Refusal::no_space:
            return give_up(refused, {ErrorCode::no_space,
                                     "no disk space for the write: reads still work; free space on "
                                     "the nodes, then send it again",
                                     {}});
        case Refusal::unsupported:
        case Refusal::invalid:
            return give_up(refused, {ErrorCode::unsupported, "the leader does not take this", {}});
    }
}

// Keeps what waits from running in circles between this node and one that does not lead.
void GatewayWrites::hold() {
    if (retry_.running()) return;
    retry_.start(hold_for_);
    hold_for_ = std::min(hold_for_ * 2, kHoldMax);
}

void GatewayWrites::give_up(const ProposeRefused& refused, const Failure& failure) {
    for (const RequestKey key : proposals_.give_up(refused.proposal)) answers_.give(key, failure);
}

void GatewayWrites::on_outcomes(const OutcomesReady& ready) {
    applied_term_ = std::max(applied_term_, ready.term);
    if (ready.skipped)
        for (const RequestKey key : proposals_.lose(ready.term)) answers_.give(key, lost());
    for (const auto& [key, outcome] : proposals_.applied(ready)) {
        const InFlightRequest* request = in_flight_.find(key);
        if (request == nullptr) continue;  // its client was told TIMEOUT
        give(key, request->op, *outcome);
    }
}

void GatewayWrites::give(RequestKey key, client::Op op, const CommandOutcome& outcome) {
    std::visit(
        [&]<class O>(const O& what) {
            if constexpr (std::is_same_v<O, Transacted>)
                answers_.give(key, client::TxnReply{what});
            else if constexpr (std::is_same_v<O, SessionExpired>)
                answers_.give(key, session_expired());
            else if constexpr (!std::is_same_v<O, Written>)
                answers_.give(key, failure(what));
            else if (op == client::Op::session)
                answers_.give(key, client::SessionReply{what.revision});
            else
                answers_.give(key, success(op, what));
        },
        outcome);
}

Failure GatewayWrites::session_expired() const {
    const std::string why = told(incarnation_);
    return {ErrorCode::session_expired,
            "the session is not known, or no longer: open another one" +
                (why.empty() ? why : "; " + why + ", and sessions of before ended with that"),
            {}};
}

void GatewayWrites::on_timer(TimerId id) {
    retry_.fired(id);
}

Failure GatewayWrites::expired(const InFlightRequest& request) {
    const bool proposed = proposals_.proposed(request.batch);
    proposals_.expired(request.batch);
    if (proposed)
        return {ErrorCode::timeout, "not known to be committed in time: it may still happen", {}};
    return {ErrorCode::no_leader, "no leader took the write in time: it was not executed", {}};
}

}  // namespace raftbus
