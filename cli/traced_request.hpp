// traced_request: one request whose way through all actors and nodes is shown afterwards.
#pragma once

#include "cli/verb.hpp"

namespace raftbus::cli {

// Subscribes to all nodes' traces, sends the request, and prints its path once it is answered with
// success. Throws as Client::call does, and Failure{refused} if no node publishes a trace.
Reply traced_request(Session& session, Value::Map request, Effect effect);

}  // namespace raftbus::cli
