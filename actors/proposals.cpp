#include "actors/proposals.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"
#include "messages/crc32c.hpp"

namespace raftbus {
namespace {

// What a command takes in a body at most, beside its bytes.
constexpr std::size_t kCommandOverhead = 64;

std::size_t size_of(const Command& command) {
    return command.key.size() + command.value.size() +
           command.if_value.value_or(std::string_view()).size() + kCommandOverhead;
}

}  // namespace

BatchNumber Proposals::add(RequestKey key, const Command& command) {
    const std::size_t bytes = size_of(command);
    if (!gathering_.commands.empty() && gathering_body_.size() + bytes > batch_bytes_max_) seal();
    append_command(gathering_body_, command);
    gathering_.commands.push_back({key, gathering_body_.size()});
    ++gathering_.unanswered;
    const InFlightRequest* request = in_flight_.find(key);
    CHECK(request != nullptr);
    if (!gathering_.traced) {
        gathering_.request = request->request;
        gathering_.traced = request->trace;
    }
    return gathering_number_;
}

// Closes the body that gathers.
void Proposals::seal() {
    const std::size_t bytes = gathering_body_.size(), count = gathering_.commands.size();
    gathering_.body = SharedBytes::own(std::exchange(gathering_body_, {}));
    gathering_.body_crc = crc32c(gathering_.body.view());
    batches_.emplace(gathering_number_, std::exchange(gathering_, {}));
    gathering_body_.reserve(std::min<std::size_t>(bytes, batch_bytes_max_));  // the next is alike
    gathering_.commands.reserve(count);
    waiting_.insert(gathering_number_);
    gathering_number_ = gathering_number_.next();
}

// Leaves out the commands whose clients have been answered.
void Proposals::rebuild(Batch& batch) const {
    std::string body;
    std::vector<Entry> commands;
    std::size_t begin = 0;
    for (const Entry& entry : batch.commands) {
        if (in_flight_.has(entry.key)) {
            body += batch.body.view().substr(begin, entry.end - begin);
            commands.push_back({entry.key, body.size()});
        }
        begin = entry.end;
    }
    CHECK(commands.size() == batch.unanswered);
    batch.commands = std::move(commands);
    batch.body = SharedBytes::own(std::move(body));
    batch.body_crc = crc32c(batch.body.view());
}

std::optional<Proposals::Outgoing> Proposals::propose(Term term) {
    CHECK(term >= last_term_);
    if (waiting_.empty()) {
        if (gathering_.commands.empty()) return std::nullopt;
        seal();
    }
    const BatchNumber number = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    Batch& batch = batches_.at(number);
    if (batch.unanswered < batch.commands.size()) rebuild(batch);
    last_term_ = term;
    last_proposal_ = last_proposal_.next();
    batch.proposal = last_proposal_;
    batch.term = term;
    proposed_.emplace(batch.proposal, number);
    return outgoing(batch);
}

std::vector<Proposals::Outgoing> Proposals::repeat(Term term) {
    std::vector<Outgoing> found;
    for (const auto& [proposal, number] : proposed_) {
        const Batch& batch = batches_.at(number);
        if (batch.term == term) found.push_back(outgoing(batch));
    }
    return found;
}

Proposals::Outgoing Proposals::outgoing(const Batch& batch) {
    const auto count = static_cast<std::uint32_t>(batch.commands.size());
    return {{batch.term, batch.proposal, count, batch.body_crc, batch.body}, batch.request};
}

void Proposals::wait_again(ProposalNumber proposal) {
    const auto found = proposed_.find(proposal);
    if (found == proposed_.end()) return;
    batches_.at(found->second).proposal = ProposalNumber();
    waiting_.insert(found->second);
    proposed_.erase(found);
}

std::optional<Proposals::Batch> Proposals::take(ProposalNumber proposal) {
    const auto found = proposed_.find(proposal);
    if (found == proposed_.end()) return std::nullopt;
    auto batch = batches_.extract(found->second);
    proposed_.erase(found);
    return std::move(batch.mapped());
}

std::vector<RequestKey> Proposals::give_up(ProposalNumber proposal) {
    std::vector<RequestKey> keys;
    if (const std::optional<Batch> batch = take(proposal))
        for (const Entry& entry : batch->commands) keys.push_back(entry.key);
    return keys;
}

std::vector<std::pair<RequestKey, const CommandOutcome*>> Proposals::applied(
    const OutcomesReady& ready) {
    std::vector<std::pair<RequestKey, const CommandOutcome*>> done;
    for (const BatchOutcome& outcome : ready.batches) {
        const auto found = proposed_.find(outcome.proposal);
        if (found == proposed_.end())
            continue;  // nobody waits for it any more, or an earlier life of this node made it
        if (batches_.at(found->second).commands.size() != outcome.outcomes.size())
            continue;  // made by somebody else in this node's name
        const std::optional<Batch> batch = take(outcome.proposal);
        for (std::size_t i = 0; i < batch->commands.size(); ++i)
            done.emplace_back(batch->commands[i].key, &outcome.outcomes[i]);
    }
    while (!proposed_.empty() && batches_.at(proposed_.begin()->second).term < ready.term)
        wait_again(proposed_.begin()->first);
    return done;
}

std::vector<RequestKey> Proposals::lose(Term term) {
    std::vector<RequestKey> lost;
    while (!proposed_.empty() && batches_.at(proposed_.begin()->second).term <= term) {
        const std::vector<RequestKey> keys = give_up(proposed_.begin()->first);
        lost.insert(lost.end(), keys.begin(), keys.end());
    }
    return lost;
}

bool Proposals::proposed(BatchNumber number) const {
    const auto batch = batches_.find(number);
    return batch != batches_.end() && batch->second.proposal;
}

void Proposals::expired(BatchNumber number) {
    if (number == gathering_number_) {
        --gathering_.unanswered;
        if (gathering_.unanswered == 0) {
            gathering_ = {};
            gathering_body_.clear();
        }
        return;
    }
    const auto found = batches_.find(number);
    CHECK(found != batches_.end(), "a batch is kept while somebody waits for it");
    Batch& batch = found->second;
    if (--batch.unanswered > 0) return;
    waiting_.erase(number);
    proposed_.erase(batch.proposal);
    batches_.erase(found);
}

}  // namespace raftbus
