// The part of the state machine that answers reads: which wait for what, and for how long one may
// keep everything else waiting.
#include <algorithm>
#include <array>
#include <utility>

#include "actors/state_machine.hpp"

namespace raftbus {
namespace {

// Of answers in one burst: what is left waits until the gateway has had its turn.
constexpr std::uint64_t kAnswersAtOnce = 32 << 20;
// Of queries, see expect().
constexpr std::size_t kReadAhead = 16;

std::uint64_t bytes_of(const Item& item) {
    return item.key.size() + item.value.size();
}
std::uint64_t bytes_of(const Answer& answer) {
    if (const auto* get = std::get_if<GetAnswer>(&answer))
        return get->item ? bytes_of(*get->item) : 0;
    std::uint64_t bytes = 0;
    for (const Item& item : std::get<ScanAnswer>(answer).items) bytes += bytes_of(item);
    return bytes;
}

}  // namespace

// ---- after a restart

// What was shown before the restart had been committed and durable here. So it is in the log that
// was found; and if that log's end was cut since, it lies before the first entry of the term that
// cut it (Raft §5.4, leader completeness).
bool StateMachine::settled() const {
    const EntryId applied = state_.applied();
    return applied.index >= log_end_.index || applied.term > log_end_.term;
}

void StateMachine::maybe_settle() {
    if (!settled() || mid_batch_) return;
    log_end_ = {};
    for (const Early& early : std::exchange(early_, {})) {
        context_.answering(early.envelope);
        std::visit([&](const auto& ask) { on(ask, early.envelope); }, early.ask);
    }
}

// ---- reads

bool StateMachine::may_answer() const {
    return !installation_ && !mid_batch_ && answered_bytes_ < kAnswersAtOnce && read_work_.left();
}

void StateMachine::on(const ReadState& read, const Envelope& envelope) {
    if (!read.at && !settled()) return early_.push_back({envelope, read});
    const bool due = read.at <= state_.applied().index;
    if (due && may_answer()) return answer_or_hold(read, envelope);
    waiting_.emplace(read.at, WaitingRead{envelope, read});
    if (due) answer_waiting();
}

// The scan that needs many turns is the first to go on, and holds no others up: they wait behind it
// only if they need as many.
void StateMachine::answer_waiting() {
    if (installation_ || mid_batch_) return;
    if (!long_.empty() && !reads_explore_ && may_answer()) {
        const WaitingRead first = std::move(long_.front());
        long_.pop_front();
        context_.answering(first.envelope);
        if (!answer(first.read, first.envelope)) long_.push_front(first);
    }
    const auto end = waiting_.upper_bound(state_.applied().index);
    auto at = waiting_.begin();
    for (; at != end && may_answer(); at = waiting_.erase(at)) {
        const WaitingRead& waited = at->second;
        context_.answering(waited.envelope);
        answer_or_hold(waited.read, waited.envelope);
    }
    if (at != end || (!long_.empty() && !reads_explore_)) go_on_later();
}

void StateMachine::answer_or_hold(const ReadState& read, const Envelope& envelope) {
    if (answer(read, envelope)) return;
    long_.push_back({envelope, read});
    go_on_later();
}

// At least the first query has to be answered. False: it needs more turns.
bool StateMachine::answer(const ReadState& read, const Envelope& envelope) {
    StateRead reply;
    reply.read = read.read;
    reply.applied = state_.applied().index;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < read.queries.size() && bytes < read.bytes_max; ++i) {
        if (i > 0 && !read_work_.left()) break;
        if (i % kReadAhead == 0) expect(std::span(read.queries).subspan(i));
        auto answer = answer_to(read.queries[i]);
        if (!answer && i == 0) {
            reads_explore_ = explore();
            return false;
        }
        if (!answer) break;
        reply.answers.push_back(std::move(*answer));
        bytes += bytes_of(reply.answers.back());
    }
    answered_bytes_ += bytes;
    context_.send(envelope.from, std::move(reply));
    return true;
}

// The first of these are answered next: what they need of memory comes at once, not one by one.
void StateMachine::expect(std::span<const Query> queries) {
    std::array<std::string_view, kReadAhead> keys;
    std::size_t count = 0;
    for (const Query& query : queries.first(std::min(queries.size(), kReadAhead)))
        if (const auto* get = std::get_if<GetQuery>(&query)) keys[count++] = get->key.view();
    state_.expect({keys.data(), count});
}

// None: a scan that is not done yet.
std::optional<Answer> StateMachine::answer_to(const Query& query) {
    if (const auto* get = std::get_if<GetQuery>(&query)) {
        GetAnswer answer{state_.get(get->key.view())};
        read_work_.spend_find(answer.item ? answer.item->value.size() : 0);
        return answer;
    }
    auto answer = state_.scan_some(std::get<ScanQuery>(query), read_work_);
    if (!answer) return std::nullopt;
    return std::move(*answer);
}

}  // namespace raftbus
