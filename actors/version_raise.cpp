#include "actors/version_raise.hpp"

#include <algorithm>

namespace raftbus {

std::optional<Configuration> raised_version(const Configuration& now, NodeId self,
                                            const Versions& own,
                                            const std::map<NodeId, Versions>& speaks) {
    std::uint32_t version = own.newest;
    for (const Member& member : now.members) {
        if (member.node == self) continue;
        const auto known = speaks.find(member.node);
        if (known == speaks.end()) return std::nullopt;
        version = std::min(version, known->second.newest);
    }
    if (version <= now.version) return std::nullopt;
    Configuration raised = now;
    raised.version = version;
    return raised;
}

}  // namespace raftbus
