// survey: which nodes the cluster has and what each of them says of itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/client.hpp"

namespace raftbus::cli {

struct NodeView {
    std::uint64_t node = 0;       // 0: an endpoint that nothing is known of
    std::string kind;             // "voter", "learner"; empty: not known
    std::string peer;             // its endpoint for peers; empty: not known
    std::string client;           // its endpoint for clients; empty: not known
    std::optional<Value> status;  // the reply to STATUS; none: `reason` says why
    std::string reason;
    std::string trace() const;  // its endpoint for traces, reachable from here; empty: none known
};

// Asks the configured endpoints and all members that they name, at the same time; at most
// `patience` each time. In the order of node ids. Throws Failure{unreachable} if nobody answers.
std::vector<NodeView> survey(Client& client, std::chrono::microseconds patience);

}  // namespace raftbus::cli
