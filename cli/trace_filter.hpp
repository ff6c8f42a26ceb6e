// trace_filter: which events somebody wants to see.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"
#include "messages/trace.hpp"

namespace raftbus::cli {

// "*" stands for any characters, "?" for one.
bool matches_glob(std::string_view text, std::string_view pattern);

// The options that a filter is made of.
const std::vector<OptionSpec>& trace_filter_specs();

class TraceFilter {
public:
    // Reads --node, --actor, --type, --term, --key, --request, --heartbeats.
    static TraceFilter from(const Options& options);

    // Events must come in order: the mark that names a key comes before what it causes.
    bool wants(const TraceEvent& event);
    // True if heartbeats are left out though nobody said so.
    bool hides_heartbeats() const { return !heartbeats_; }

private:
    bool of_wanted_request(const TraceEvent& event);

    std::set<NodeId> nodes_;           // empty: all
    std::vector<std::string> actors_;  // empty: all
    std::vector<std::string> types_;   // globs; empty: all
    Term term_;                        // 0: all
    std::string key_;                  // as marks write it; empty: all
    std::set<RequestId> requests_;     // asked for, or found to be about the key
    bool by_request_ = false;
    bool heartbeats_ = false;
};

}  // namespace raftbus::cli
