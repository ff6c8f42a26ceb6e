// version_raise: when the cluster comes to speak a newer version. Pure. Must not know: logs, what a
// version means.
#pragma once

#include <map>
#include <optional>

#include "messages/membership.hpp"
#include "messages/versions.hpp"

namespace raftbus {

// `now` with the newest version that all members know, once it is known of all of them; none: that
// is no newer one. Never back to an older one, which entries of the newer may have followed already.
// `speaks`: what the other members know, as far as they were heard.
std::optional<Configuration> raised_version(const Configuration& now, NodeId self,
                                            const Versions& own,
                                            const std::map<NodeId, Versions>& speaks);

}  // namespace raftbus
