// trace_draw: one event as one line, or as one JSON object.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "messages/trace.hpp"

namespace raftbus::cli {

// "14:02:11.048123 n1 replicator    → n2.replicator    AppendEntries term=7 …"
std::string event_line(const Output& output, const TraceEvent& event);
// The same with another time at its front than the time of day.
std::string event_line(const Output& output, const TraceEvent& event, std::string_view time);

Value event_record(const TraceEvent& event);

// The colour of an actor, the same everywhere.
Colour colour_of(ActorName actor);

// An event's text without the message's name at its front.
std::string_view details_of(const TraceEvent& event);

}  // namespace raftbus::cli
