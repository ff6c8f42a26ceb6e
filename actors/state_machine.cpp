#include "actors/state_machine.hpp"

#include "messages/check.hpp"

namespace raftbus {
namespace {

constexpr JobId kFlush = 1;

Address neighbour(const Context& context, ActorName actor) {
    return {context.self().node, actor};
}

}  // namespace

void StateMachine::on(const Apply& apply, const Envelope&) {
    const NodeId self = context_.self().node;
    OutcomesReady ready;
    for (const Batch& batch : apply.batches) {
        if (batch.header.last() <= state_.applied().index) continue;  // sent again after a start
        const bool ours = batch.header.origin == self && batch.header.kind == BatchKind::commands;
        if (ours) {
            BatchOutcome& outcome = ready.batches.emplace_back();
            outcome.proposal = batch.header.proposal;
            state_.apply(batch, &outcome.outcomes);
        } else {
            state_.apply(batch, nullptr);
        }
    }
    ready.index = state_.applied().index;
    ready.term = state_.applied().term;
    context_.send(neighbour(context_, ActorName::replicator),
                  Applied{ready.index, state_.clock(), state_.due()});
    context_.send(neighbour(context_, ActorName::gateway), std::move(ready));
    answer_waiting();
}

void StateMachine::on(const ReadState& read, const Envelope& envelope) {
    if (read.at <= state_.applied().index) {
        answer(read, envelope);
    } else {
        waiting_.emplace(read.at, WaitingRead{envelope, read});
    }
}

void StateMachine::on(const AskReport& ask, const Envelope& envelope) {
    StateReport report;
    report.ask = ask.ask;
    report.applied = state_.applied().index;
    report.digest = state_.digest();
    report.keys = state_.keys();
    context_.send(envelope.from, report);
}

void StateMachine::on_drained() {
    if (state_.wants_flush()) context_.run_in_background(kFlush, state_.begin_flush());
}

void StateMachine::on_job_done(JobId job) {
    CHECK(job == kFlush);
    state_.end_flush();
    context_.log(LogLevel::debug, "the state is flushed up to " + to_text(state_.flushed()));
}

std::string StateMachine::describe() const {
    return "state machine that has applied " + to_text(state_.applied());
}

void StateMachine::answer_waiting() {
    const auto end = waiting_.upper_bound(state_.applied().index);
    for (auto at = waiting_.begin(); at != end; at = waiting_.erase(at)) {
        const WaitingRead& waited = at->second;
        context_.answering(waited.envelope);
        answer(waited.read, waited.envelope);
    }
}

void StateMachine::answer(const ReadState& read, const Envelope& envelope) {
    StateRead reply;
    reply.read = read.read;
    reply.applied = state_.applied().index;
    reply.answers.reserve(read.queries.size());
    for (const Query& query : read.queries) reply.answers.push_back(answer_to(query));
    context_.send(envelope.from, std::move(reply));
}

Answer StateMachine::answer_to(const Query& query) {
    if (const auto* get = std::get_if<GetQuery>(&query))
        return GetAnswer{state_.get(get->key.view())};
    return state_.scan(std::get<ScanQuery>(query));
}

}  // namespace raftbus
