// vote_tally: who has answered a request for votes, and whether that decides it. A value.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "messages/types.hpp"

namespace raftbus {

class VoteTally {
public:
    explicit VoteTally(std::vector<NodeId> voters) : voters_(std::move(voters)) {}

    // The first answer of a voter counts, later ones and those of others do not.
    void count(NodeId voter, bool granted) {
        if (std::find(voters_.begin(), voters_.end(), voter) == voters_.end()) return;
        if (granted_.contains(voter) || denied_.contains(voter)) return;
        (granted ? granted_ : denied_).insert(voter);
    }
    // More than half of the voters said yes.
    bool won() const { return granted_.size() * 2 > voters_.size(); }
    // So many said no that the rest can not make it a majority.
    bool lost() const { return (voters_.size() - denied_.size()) * 2 <= voters_.size(); }

    const std::vector<NodeId>& voters() const { return voters_; }
    const std::set<NodeId>& granted() const { return granted_; }

private:
    std::vector<NodeId> voters_;
    std::set<NodeId> granted_;
    std::set<NodeId> denied_;
};

}  // namespace raftbus
