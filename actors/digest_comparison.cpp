#include "actors/digest_comparison.hpp"

#include <algorithm>

namespace raftbus {
namespace {

constexpr Duration kEvery = std::chrono::seconds(1);

}  // namespace

void DigestComparison::tick(const View& view) {
    const Moment now = context_.now();
    if (!view.applied || (asked_at_ && now - *asked_at_ < kEvery)) return;
    if (question_) judge(view, true);
    if (question_ != view.applied) answers_.clear();
    question_ = view.applied;
    asked_at_ = now;
    told_.clear();
    for (const auto& [node, peer] : view.peers)
        if (peer.connected && !fine(node))
            context_.send({node, ActorName::state_machine},
                          CompareDigest{term_, question_->index, question_->digest});
}

void DigestComparison::on(const CompareDigestReply& reply, NodeId from, const View& view) {
    if (!question_ || reply.index != question_->index) return;  // of an earlier question
    if (!view.peers.contains(from)) return;
    answers_[from] = {reply.digest, reply.diverged};
    const auto answered = [&](NodeId voter) {
        return voter == context_.self().node || answers_.contains(voter);
    };
    const bool complete = std::ranges::all_of(view.halves, [&](const std::vector<NodeId>& half) {
        return std::ranges::all_of(half, answered);
    });
    judge(view, complete);
}

bool DigestComparison::fine(NodeId peer) const {
    const auto said = answers_.find(peer);
    return said != answers_.end() && said->second == Said{question_->digest, false};
}

bool DigestComparison::agreed(std::uint64_t digest, const View& view) const {
    const auto has_it = [&](NodeId voter) {
        if (voter == context_.self().node) return question_->digest == digest;
        const auto said = answers_.find(voter);
        return said != answers_.end() && said->second.digest == digest;
    };
    return std::ranges::all_of(view.halves, [&](const std::vector<NodeId>& half) {
        const auto count = std::ranges::count_if(half, has_it);
        return static_cast<std::size_t>(count) * 2 > half.size();
    });
}

// Without a majority the missing answers are waited for until the next question.
std::optional<DigestComparison::Verdict> DigestComparison::verdict(const View& view,
                                                                   bool complete) const {
    if (agreed(question_->digest, view)) return Verdict{question_->digest, true};
    for (const auto& [node, said] : answers_)
        if (agreed(said.digest, view)) return Verdict{said.digest, true};
    if (!complete) return std::nullopt;
    return Verdict{question_->digest, false};
}

void DigestComparison::judge(const View& view, bool complete) {
    const auto verdict = this->verdict(view, complete);
    if (!verdict) return;
    for (const auto& [node, said] : answers_) tell(node, said, *verdict);
    tell(context_.self().node, {question_->digest, false}, *verdict);
}

void DigestComparison::tell(NodeId node, const Said& said, const Verdict& verdict) {
    const bool same = said.digest == verdict.expected;
    if (same)
        differing_.erase(node);
    else
        differing_.insert(node);
    if (same && !said.diverged) return;
    const auto told = told_.find(node);
    if (told != told_.end() && told->second == verdict) return;
    told_[node] = verdict;
    context_.send({node, ActorName::state_machine},
                  DigestVerdict{question_->index, verdict.expected, verdict.by_majority});
}

}  // namespace raftbus
