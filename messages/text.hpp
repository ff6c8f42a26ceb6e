// text: one rendering of a message on one line, shared by log, trace, transcript and test failures.
// Keys, values and bodies appear as their size alone.
#pragma once

#include <string>

#include "messages/catalog.hpp"

namespace raftbus {

// "AppendEntries term=7 previous=1040/7 commit=1040 batches=[1041..1043/7 412B]"
std::string to_text(const AnyMessage& message);
// "n1"
std::string to_text(NodeId node);
// "n1.replicator"
std::string to_text(const Address& address);
// "1040/7": index, then term
std::string to_text(const EntryId& entry);
// "n1-7f3a-42": node, drawn when the process started, count
std::string to_text(const RequestId& request);
// Undoes the rendering of a request id; none if it is not one.
std::optional<RequestId> request_from_text(std::string_view text);
std::string_view to_string(RoleName role);
std::string_view to_string(Refusal refusal);
// "[n1, n2, n3]"; joint "[n1, n2]>[n1, n2, n3]"; with learners "[n1] learners=[n2]"
std::string to_text(const Configuration& configuration);
std::string_view to_string(BatchKind kind);
// A digest: 16 digits, "00000000c0ffee00".
std::string hex(std::uint64_t number);

}  // namespace raftbus
