// digest_witness: what this node's state was, and whether that is what the others' was. The state
// has a running digest of all that was applied, equal on all nodes at equal index.
//
// Owns: the digests at the ends of the last batches, a question about an index that is not applied
// yet, and the verdict on the state. A value: takes values, returns values. Must not know: who
// leads, who asks. An index whose digest is not remembered is not answered for, and never guessed.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "messages/envelope.hpp"
#include "messages/local.hpp"

namespace raftbus {

class DigestWitness {
public:
    struct Answer {
        Envelope asked;
        CompareDigestReply reply;
    };

    // The state as it is at the start; or another one has taken its place, and is sound until the
    // opposite is known.
    void begin(LogIndex index, std::uint64_t digest) {
        known_ = {{index, digest}};
        diverged_.reset();
    }
    // A batch that ends at `index` was applied.
    void applied(LogIndex index, std::uint64_t digest) {
        known_.push_back({index, digest});
        if (known_.size() > kKnownMax) known_.pop_front();
    }

    // An index that is not applied yet waits, the newest alone.
    std::optional<Answer> on(const CompareDigest& question, const Envelope& envelope) {
        if (known_.empty() || question.index > known_.back().first) {
            waiting_ = {envelope, question};
            return std::nullopt;
        }
        const auto digest = at(question.index);
        if (!digest) return std::nullopt;
        return Answer{envelope, {question.term, question.index, *digest, diverged_.has_value()}};
    }
    // What can be answered now that more is applied.
    std::optional<Answer> due() {
        if (!waiting_ || known_.empty() || waiting_->second.index > known_.back().first)
            return std::nullopt;
        const auto [envelope, question] = *std::exchange(waiting_, std::nullopt);
        return on(question, envelope);
    }

    // True if it changes what is thought of the state. A majority's word counts for more than a
    // leader's alone.
    bool on(const DigestVerdict& verdict) {
        const auto digest = at(verdict.index);
        if (!digest) return false;
        if (*digest == verdict.expected) {
            if (!diverged_ || (diverged_->by_majority && !verdict.by_majority)) return false;
            diverged_.reset();
            return true;
        }
        if (diverged_ && (diverged_->by_majority || !verdict.by_majority)) return false;
        diverged_ = {verdict.index, *digest, verdict.expected, verdict.by_majority};
        return true;
    }

    const std::optional<Divergence>& diverged() const { return diverged_; }

    // Of the last batch that was applied to its end.
    std::uint64_t newest() const { return known_.empty() ? 0 : known_.back().second; }
    // What a state that is the others' has there; none: it is not remembered, or this one is not.
    std::optional<std::uint64_t> sound_at(LogIndex index) const {
        return diverged_ ? std::nullopt : at(index);
    }

private:
    static constexpr std::size_t kKnownMax = 4'096;
    using Known = std::pair<LogIndex, std::uint64_t>;

    std::optional<std::uint64_t> at(LogIndex index) const {
        const auto found = std::lower_bound(
            known_.begin(), known_.end(), index,
            [](const Known& known, LogIndex wanted) { return known.first < wanted; });
        if (found == known_.end() || found->first != index) return std::nullopt;
        return found->second;
    }

    std::deque<Known> known_;  // ascending
    std::optional<std::pair<Envelope, CompareDigest>> waiting_;
    std::optional<Divergence> diverged_;
};

}  // namespace raftbus
