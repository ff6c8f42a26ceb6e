// version_gate: what the cluster is not ready for yet, since not all of its members know it. The
// one gate that everything passes that an older release would not understand.
//
// Owns: the version that the cluster speaks, as the committed configuration says, and what is known
// of the nodes that hold it back. A value. Must not know: what needs a version.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "messages/types.hpp"
#include "messages/versions.hpp"

namespace raftbus {

class VersionGate {
public:
    VersionGate(NodeId self, const Versions& own) : known_{{self, own}} {}

    void cluster_speaks(std::uint32_t version) { cluster_ = std::max(cluster_, version); }
    void peer_speaks(NodeId peer, const Versions& versions) { known_[peer] = versions; }

    std::uint32_t cluster() const { return cluster_; }
    // None: not known here.
    std::optional<Versions> of(NodeId node) const {
        const auto found = known_.find(node);
        return found == known_.end() ? std::nullopt : std::optional(found->second);
    }
    // Nothing is known that keeps the cluster from speaking that version soon.
    bool may_speak(std::uint32_t version) const {
        return std::all_of(known_.begin(), known_.end(),
                           [&](const auto& peer) { return peer.second.newest >= version; });
    }
    // Why something is refused that needs that version of the cluster; none: it is not.
    std::optional<std::string> refusal(std::uint64_t needed) const {
        if (needed <= cluster_) return std::nullopt;
        const std::string what = "the cluster speaks version " + std::to_string(cluster_) +
                                 ", and this needs " + std::to_string(needed);
        for (const auto& [node, versions] : known_)
            if (versions.newest < needed)
                return what + ": node " + std::to_string(node.value) + " knows " +
                       to_text(versions) + "; upgrade it";
        return what + ": some member may be of an older release, or is not connected; upgrade all";
    }

private:
    std::uint32_t cluster_ = 1;
    std::map<NodeId, Versions> known_;
};

}  // namespace raftbus
