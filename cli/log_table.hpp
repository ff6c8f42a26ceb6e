// log_table: log entries as people read them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/output.hpp"

namespace raftbus::cli {

// "set k = v", "delete k", "no-op": what an entry of a LOG reply does.
std::string entry_text(const Value& entry);

// One node's entries, under "Machine ID | Index | Term | Value | Leader Id".
void print_log(const Output& output, std::uint64_t node, const Value::List& entries);

struct NodeLog {
    std::uint64_t node = 0;
    std::uint64_t commit = 0;
    std::map<std::uint64_t, Value> entries;  // by index
};

// One row per index, one column per node. Returns at how many indexes two nodes differ; those rows
// bear a "!".
std::uint64_t print_side_by_side(const Output& output, const std::vector<NodeLog>& logs);

}  // namespace raftbus::cli
