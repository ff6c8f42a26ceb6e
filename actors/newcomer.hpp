// newcomer: whether a node whose log is empty may take part in forming a cluster. A value.
//
// It can not tell a first start from the loss of its disk. So it asks before it votes: it waits
// until all its peers have been heard, or for a while, and where one of them belongs to a cluster
// already, or refuses this node's data directory, it forms none.
// Must not know: votes.
#pragma once

#include <set>

#include "messages/types.hpp"

namespace raftbus {

class Newcomer {
public:
    // `peers`: how many others there are. `until`: it waits no longer for those who are silent.
    Newcomer(std::size_t peers, Moment until) : peers_(peers), until_(until) {}

    // `cluster`: that the peer belongs to; 0: to none.
    void heard(NodeId peer, std::uint64_t cluster) {
        heard_.insert(peer);
        if (cluster) met_cluster_ = true;
    }
    void kept_out() { kept_out_ = true; }

    // A member said that this node's directory is not the one that it knows.
    bool is_kept_out() const { return kept_out_; }
    bool may_form(Moment now) const {
        return !met_cluster_ && !kept_out_ && (heard_.size() >= peers_ || now >= until_);
    }

private:
    std::size_t peers_;
    Moment until_;
    std::set<NodeId> heard_;
    bool met_cluster_ = false;
    bool kept_out_ = false;
};

}  // namespace raftbus
