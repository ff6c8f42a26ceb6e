// docs/architecture.md lists every message with its fields; this reads the page against the structs.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "messages/catalog.hpp"

namespace raftbus {
namespace {

// The cells of a table row, without the spaces around them.
std::vector<std::string> cells(const std::string& row) {
    std::vector<std::string> found;
    std::istringstream in(row.substr(1));
    for (std::string cell; std::getline(in, cell, '|');) {
        const auto first = cell.find_first_not_of(" `");
        const auto last = cell.find_last_not_of(" `");
        found.push_back(first == cell.npos ? "" : cell.substr(first, last - first + 1));
    }
    return found;
}

// Message name to fields, in the order of the page.
std::vector<std::pair<std::string, std::string>> page() {
    std::ifstream in(RAFTBUS_SOURCE_DIR "/docs/architecture.md");
    std::vector<std::pair<std::string, std::string>> rows;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line == "## All messages") inside = true;
        if (!inside || line.empty() || line.front() != '|') continue;
        const auto row = cells(line);
        if (row.at(0) == "message" || row.at(0).starts_with("---")) continue;
        rows.emplace_back(row.at(0), row.at(4));
    }
    return rows;
}

template <std::size_t... I>
std::vector<std::pair<std::string, std::string>> code(std::index_sequence<I...>) {
    return {{std::string(std::variant_alternative_t<I, MessageVariant>::kName),
             std::string(std::variant_alternative_t<I, MessageVariant>::kFieldNames)}...};
}

TEST(ArchitecturePage, ListsEveryMessageInOrderWithItsFields) {
    EXPECT_EQ(page(), code(std::make_index_sequence<kMessageCount>()));
}

}  // namespace
}  // namespace raftbus
