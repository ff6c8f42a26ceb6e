// recent_proposals: how one gateway's proposals were answered here. A value.
//
// Every proposal has one answer in the life of a process: appended, or why not. However often it
// comes, because its link broke and its gateway said it again, or because the network did, it gets
// that answer. So a gateway may believe a refusal: no other copy was appended, nor will be.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "messages/raft.hpp"
#include "messages/types.hpp"

namespace raftbus {

class RecentProposals {
public:
    // Far more than a gateway has outstanding, and than can be on the way in two connections.
    static constexpr std::size_t kRememberedMax = 16 * kProposalsOutstandingMax;

    struct Answer {
        std::optional<Refusal> refused;  // none: appended
    };

    // Null: it has not been seen.
    const Answer* find(ProposalNumber proposal) const {
        const auto found = answers_.find(proposal);
        return found == answers_.end() ? nullptr : &found->second;
    }
    // Must not be there yet.
    void add(ProposalNumber proposal, Answer answer) {
        answers_.emplace(proposal, answer);
        in_order_.push_back(proposal);
        if (in_order_.size() > kRememberedMax) {
            answers_.erase(in_order_.front());
            in_order_.pop_front();
        }
    }

private:
    std::map<ProposalNumber, Answer> answers_;
    std::deque<ProposalNumber> in_order_;
};

}  // namespace raftbus
