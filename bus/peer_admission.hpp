// peer_admission: who may speak to this node. Takes values, returns verdicts; no socket, no clock.
//
// Two processes with one node id are told apart by their incarnations: the newer one replaces the
// older, as after a restart. When the older still speaks a while later, both run.
#pragma once

#include <map>
#include <set>
#include <variant>
#include <vector>

#include "bus/preamble.hpp"
#include "messages/types.hpp"

namespace raftbus {

class PeerAdmission {
public:
    struct Self {
        NodeId node;
        std::uint64_t cluster = 0;  // hash
        std::uint64_t incarnation = 0;
    };
    // An older incarnation that speaks within `takeover` of the newer one's first word is taken for
    // what had been on its way when it ended.
    PeerAdmission(Self self, std::vector<NodeId> peers, Duration takeover);

    struct Admitted {};
    struct Ignored {};  // words of a process that was replaced a moment ago
    using Verdict = std::variant<Admitted, Ignored, RefusalCause>;
    Verdict judge(const Preamble& preamble, Moment now);

private:
    struct Peer {
        std::uint64_t incarnation = 0;  // 0: not heard yet
        Moment since;                   // when this incarnation was first heard
        Moment heard;                   // when it was last heard
        std::set<std::uint64_t> replaced;
    };
    Verdict judge_incarnation(Peer& peer, std::uint64_t incarnation, Moment now);

    const Self self_;
    const Duration takeover_;
    std::map<NodeId, Peer> peers_;
};

}  // namespace raftbus
