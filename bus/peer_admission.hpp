// peer_admission: who may speak to this node. Takes values, returns verdicts; no socket, no clock.
//
// Members may speak, as the replicator names them. A node that is none is refused, unless it knows
// a later configuration than this node: then it is this node that lags behind (Raft §6).
//
// Two processes with one node id are told apart by their incarnations: the newer one replaces the
// older, as after a restart. When the older still speaks a while later, both run.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <variant>
#include <vector>

#include "bus/preamble.hpp"
#include "messages/membership.hpp"
#include "messages/types.hpp"

namespace raftbus {

class PeerAdmission {
public:
    struct Self {
        NodeId node;
        std::uint64_t cluster = 0;  // hash
        std::uint64_t incarnation = 0;
        Versions speaks = kVersions;
        bool waits = false;  // nobody may speak before this node knows its configuration
    };
    // An older incarnation that speaks within `takeover` of the newer one's first word is taken for
    // what had been on its way when it ended.
    PeerAdmission(Self self, std::vector<NodeId> peers, Duration takeover);

    struct Admitted {
        bool news = false;  // a process that was not heard before
    };
    struct Ignored {};  // words of a process that was replaced a moment ago
    using Verdict = std::variant<Admitted, Ignored, RefusalCause>;
    Verdict judge(const Preamble& preamble, Moment now);

    // Who may speak from now on, and who was removed for certain, as the configuration at
    // `committed` says; the one in force stands at `in_force`.
    void follow(const std::vector<NodeId>& peers, std::vector<NodeId> removed, LogIndex in_force,
                LogIndex committed, const Configuration& configuration = {});
    // The id of this node's cluster; 0: it is not formed.
    std::uint64_t formed() const { return configuration_.formed ? configuration_.cluster : 0; }
    LogIndex committed() const { return committed_; }
    // The cluster speaks that version: who does not know it is refused.
    void require(std::uint32_t version) { spoken_ = std::max(spoken_, version); }
    std::uint32_t spoken() const { return spoken_; }
    const Versions& speaks() const { return self_.speaks; }
    // Those who are no members, as far as this node knows.
    const std::set<NodeId>& guests() const { return guests_; }

private:
    struct Peer {
        std::uint64_t incarnation = 0;  // 0: not heard yet
        Moment since;                   // when this incarnation was first heard
        Moment heard;                   // when it was last heard
        std::set<std::uint64_t> replaced;
    };
    bool welcome(const Preamble& preamble) const;
    Verdict judge_incarnation(Peer& peer, std::uint64_t incarnation, Moment now);

    const Self self_;
    const Duration takeover_;
    std::map<NodeId, Peer> peers_;
    std::set<NodeId> guests_;  // of peers_
    std::vector<NodeId> removed_;
    LogIndex in_force_;
    LogIndex committed_;
    Configuration configuration_;  // in force
    bool told_ = false;            // of it
    std::uint32_t spoken_ = 1;
};

}  // namespace raftbus
