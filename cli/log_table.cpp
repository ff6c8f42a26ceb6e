#include "cli/log_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/display.hpp"

namespace raftbus::cli {
namespace {

constexpr std::size_t kValueColumns = 60;  // on a terminal that does not tell its width
constexpr std::size_t kOtherColumns = 40;  // what stands around the values
constexpr std::size_t kCellColumns = 32;

std::size_t value_columns(const Output& output) {
    if (output.columns == 0) return kValueColumns;
    return std::max(output.columns, kOtherColumns + kCellColumns) - kOtherColumns;
}

// The header's words stay exactly as they are, so that scripts can look for them; the cells below
// take at least their widths.
void print_plain(const Output& output, const Records& records) {
    std::size_t value_width = width(records.columns[3]);
    for (const auto& row : records.rows)
        value_width = std::max(value_width, width(cell_text(row[3])));
    output.out << output.painted(fmt::format("{}", fmt::join(records.columns, " | ")), Colour::bold)
               << '\n';
    for (const auto& row : records.rows) {
        output.out << fmt::format("{} | {} | {} | {} | {}\n",
                                  padded(cell_text(row[0]), width(records.columns[0])),
                                  padded(cell_text(row[1]), width(records.columns[1])),
                                  padded(cell_text(row[2]), width(records.columns[2])),
                                  padded(cell_text(row[3]), value_width), cell_text(row[4]));
    }
}

// What the nodes that have the index hold there, without repetitions.
std::set<std::string> versions_at(const std::vector<NodeLog>& logs, std::uint64_t index) {
    std::set<std::string> versions;
    for (const NodeLog& log : logs) {
        const auto entry = log.entries.find(index);
        if (entry == log.entries.end()) continue;
        versions.insert(
            fmt::format("{} {}", entry->second["term"].number(), entry_text(entry->second)));
    }
    return versions;
}

std::string cell_of(const NodeLog& log, std::uint64_t index) {
    const auto entry = log.entries.find(index);
    if (entry == log.entries.end()) return "";
    const char* open = index > log.commit ? " (open)" : "";
    return fmt::format("t{} {}{}", entry->second["term"].number(),
                       shortened(entry_text(entry->second), kCellColumns), open);
}

void print_side_by_side_json(const Output& output, const std::vector<NodeLog>& logs) {
    Value::List nodes;
    for (const NodeLog& log : logs) {
        Value::List entries;
        for (const auto& [index, entry] : log.entries) entries.push_back(entry);
        nodes.push_back(
            Value::Map{{"node", log.node}, {"commit", log.commit}, {"entries", entries}});
    }
    print_json(output, nodes);
}

}  // namespace

std::string entry_text(const Value& entry) {
    const std::string_view kind = entry["kind"].text();
    if (kind == "set") {
        return fmt::format("set {} = {}", escaped(entry["key"].text()),
                           escaped(entry["value"].text()));
    }
    if (kind == "delete") return fmt::format("delete {}", escaped(entry["key"].text()));
    return std::string(kind);
}

void print_log(const Output& output, std::uint64_t node, const Value::List& entries) {
    if (output.format == Format::json) {
        Value::List items;
        for (const Value& entry : entries) {
            Value::Map item{{"node", node}};
            if (const auto* fields = std::get_if<Value::Map>(&entry.data)) {
                item.insert(item.end(), fields->begin(), fields->end());
            }
            items.emplace_back(std::move(item));
        }
        return print_json(output, items);
    }
    Records records{{"Machine ID", "Index", "Term", "Value", "Leader Id"}, {}};
    for (const Value& entry : entries) {
        std::string text = entry_text(entry);
        if (output.out_terminal) text = shortened(text, value_columns(output));
        records.rows.push_back(
            {node, entry["index"], entry["term"], std::move(text), entry["leader"]});
    }
    if (output.format == Format::table)
        output.out << boxed(records, output.unicode, output.columns);
    else
        print_plain(output, records);
}

std::uint64_t print_side_by_side(const Output& output, const std::vector<NodeLog>& logs) {
    std::set<std::uint64_t> indexes;
    for (const NodeLog& log : logs) {
        for (const auto& [index, entry] : log.entries) indexes.insert(index);
    }
    Records records{{"index"}, {}};
    for (const NodeLog& log : logs) records.columns.push_back(fmt::format("n{}", log.node));
    std::uint64_t differing = 0;
    for (const std::uint64_t index : indexes) {
        const bool differs = versions_at(logs, index).size() > 1;
        differing += differs ? 1 : 0;
        std::vector<Value> row{fmt::format("{}{}", index, differs ? " !" : "")};
        for (const NodeLog& log : logs) row.emplace_back(cell_of(log, index));
        records.rows.push_back(std::move(row));
    }
    if (output.format == Format::json)
        print_side_by_side_json(output, logs);
    else if (output.list_format() == Format::table)
        output.out << boxed(records, output.unicode, output.columns);
    else
        output.out << aligned(records, output.columns);
    return differing;
}

}  // namespace raftbus::cli
