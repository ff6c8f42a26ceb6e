// vote_tally: who has answered a request for votes, and whether that decides it. A value.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "messages/membership.hpp"

namespace raftbus {

class VoteTally {
public:
    explicit VoteTally(const Configuration& configuration)
        : configuration_(configuration),
          voters_(configuration.voters()),
          halves_(configuration.halves()) {}

    // The first answer of a voter counts, later ones and those of others do not; nor does one with
    // a data directory, `disk`, that the voter is not bound to.
    void count(NodeId voter, bool granted, std::uint64_t disk = 0) {
        if (!configuration_.counts(voter, disk)) return;
        if (std::find(voters_.begin(), voters_.end(), voter) == voters_.end()) return;
        if (granted_.contains(voter) || denied_.contains(voter)) return;
        (granted ? granted_ : denied_).insert(voter);
    }
    // More than half of the voters said yes, of both halves of a joint configuration (Raft §6).
    bool won() const {
        return std::all_of(halves_.begin(), halves_.end(), [&](const auto& half) {
            return among(half, granted_) * 2 > half.size();
        });
    }
    // So many said no that the rest can not make it a majority.
    bool lost() const {
        return std::any_of(halves_.begin(), halves_.end(), [&](const auto& half) {
            return (half.size() - among(half, denied_)) * 2 <= half.size();
        });
    }

    const std::vector<NodeId>& voters() const { return voters_; }
    const std::set<NodeId>& granted() const { return granted_; }

private:
    static std::size_t among(const std::vector<NodeId>& half, const std::set<NodeId>& said) {
        return std::count_if(half.begin(), half.end(),
                             [&](NodeId node) { return said.contains(node); });
    }

    Configuration configuration_;
    std::vector<NodeId> voters_;
    std::vector<std::vector<NodeId>> halves_;
    std::set<NodeId> granted_;
    std::set<NodeId> denied_;
};

}  // namespace raftbus
