// recent_proposals: which of one gateway's proposals this leadership has appended already. A value.
//
// A gateway whose connection to the leader broke can not know what arrived, so when it stands again
// it proposes what has no outcome once more, under the same number and in the same term. Here the
// second copy is known. Because a proposal is appended in its term or never, and this is forgotten
// with the leadership, exactly once follows.
#pragma once

#include <deque>
#include <set>

#include "messages/types.hpp"

namespace raftbus {

class RecentProposals {
public:
    // Far more than a gateway has outstanding, and than can be on the way in two connections.
    static constexpr std::size_t kRememberedMax = 16 * kProposalsOutstandingMax;

    bool contains(ProposalNumber proposal) const { return known_.contains(proposal); }
    // Must not be there yet.
    void add(ProposalNumber proposal) {
        known_.insert(proposal);
        in_order_.push_back(proposal);
        if (in_order_.size() > kRememberedMax) {
            known_.erase(in_order_.front());
            in_order_.pop_front();
        }
    }

private:
    std::set<ProposalNumber> known_;
    std::deque<ProposalNumber> in_order_;
};

}  // namespace raftbus
