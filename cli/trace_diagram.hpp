// trace_diagram: messages between nodes as a sequence diagram: a column per node, a line per
// message that arrived, the earliest at the top.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "messages/trace.hpp"

namespace raftbus::cli {

// What a line of the diagram begins with.
using TimeText = std::function<std::string(const TraceEvent&)>;

// Of the events, those that say that a message of another node was taken; in their order. Nodes
// that take no part have no column. Empty if there are none.
std::string draw_diagram(const Output& output, const std::vector<TraceEvent>& events,
                         const TimeText& time);

}  // namespace raftbus::cli
