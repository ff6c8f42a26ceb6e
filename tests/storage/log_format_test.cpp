// docs/log-format.md against the code: its tables, its sizes and its example are read and compared.
#include "storage/log_format.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <map>
#include <sstream>

#include "storage/log_writer.hpp"
#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

std::string the_page() {
    std::ifstream file(std::string(RAFTBUS_SOURCE_DIR) + "/docs/log-format.md");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

using Row = std::vector<std::string>;  // cells, without blanks and back-quotes around them

std::string trimmed(std::string_view text) {
    const auto noise = [](char c) { return c == ' ' || c == '`'; };
    while (!text.empty() && noise(text.front())) text.remove_prefix(1);
    while (!text.empty() && noise(text.back())) text.remove_suffix(1);
    return std::string(text);
}

// The first table under the heading, without its head.
std::vector<Row> table_under(const std::string& heading) {
    std::istringstream page(the_page());
    std::vector<Row> rows;
    bool under = false;
    for (std::string line; std::getline(page, line);) {
        if (line == heading) under = true;
        if (!under) continue;
        if (!line.starts_with("|")) {
            if (!rows.empty()) break;
            continue;
        }
        std::istringstream cells(line.substr(1));
        Row& row = rows.emplace_back();
        for (std::string cell; std::getline(cells, cell, '|');) row.push_back(trimmed(cell));
    }
    CHECK(rows.size() > 2, heading);
    rows.erase(rows.begin(), rows.begin() + 2);
    return rows;
}

std::uint64_t number_at(std::string_view bytes, const Row& row) {
    const std::size_t at = std::stoul(row[0]);
    std::uint64_t value = 0;
    for (std::size_t i = std::stoul(row[1]); i-- > 0;)
        value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return value;
}

// Rows are offset, bytes, field: they cover [0, total) without a gap.
void expect_covers(const std::vector<Row>& rows, std::size_t total) {
    std::size_t at = 0;
    for (const Row& row : rows) {
        EXPECT_EQ(std::stoul(row[0]), at) << row[2];
        at += std::stoul(row[1]);
    }
    EXPECT_EQ(at, total);
}

TEST(LogFormatPage, segment_header) {
    const SegmentHeader header{
        {101, 102}, 103, true, {LogIndex(104), Term(105)}, {Term(106), NodeId(107)}};
    const std::string bytes = encode_segment_header(header);
    const auto rows = table_under("## Segment header");
    expect_covers(rows, kSegmentHeaderBytes);
    const std::map<std::string, std::uint64_t> expected{
        {"version", kLogFormatVersion},
        {"recycled", 1},
        {"identity", 101},
        {"number", 102},
        {"bytes", 103},
        {"before.index", 104},
        {"before.term", 105},
        {"term", 106},
        {"vote", 107},
        {"crc32c", crc32c(std::string_view(bytes).substr(0, kSegmentHeaderBytes - 4))}};
    std::size_t compared = 0;
    for (const Row& row : rows) {
        const auto field = expected.find(row[2]);
        if (field == expected.end()) continue;
        EXPECT_EQ(number_at(bytes, row), field->second) << row[2];
        ++compared;
    }
    EXPECT_EQ(compared, expected.size());
    EXPECT_EQ(rows[0][2], "magic");
    EXPECT_EQ(bytes.substr(0, std::stoul(rows[0][1])), kSegmentMagic);
    EXPECT_NE(rows[0][3].find(kSegmentMagic), std::string::npos);
}

TEST(LogFormatPage, record_header) {
    RecordParts record = make_cut_record(LogIndex(5));
    finish_record(record, {1, 2}, 4096, 4000);
    const auto rows = table_under("## Record");
    expect_covers(rows, kRecordHeaderBytes);
    const std::map<std::string, std::uint64_t> expected{
        {"length", 8}, {"kind", 3}, {"zero", 0}, {"group_start", 4000}};
    std::size_t compared = 0;
    for (const Row& row : rows) {
        const auto field = expected.find(row[2]);
        if (field == expected.end()) continue;
        EXPECT_EQ(number_at(record.head, row), field->second) << row[2];
        ++compared;
    }
    EXPECT_EQ(compared, expected.size());
    EXPECT_EQ(rows[0][2], "crc32c");
}

TEST(LogFormatPage, kinds) {
    const std::vector<Row> rows = table_under("## Kinds");
    const std::vector<std::pair<RecordKind, std::string>> kinds{
        {RecordKind::batch, "batch"},
        {RecordKind::hard_state, "hard_state"},
        {RecordKind::cut, "cut"},
        {RecordKind::seal, "seal"},
        {RecordKind::end, "end"},
        {RecordKind::restart, "restart"}};
    ASSERT_EQ(rows.size(), kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        EXPECT_EQ(std::stoi(rows[i][0]), static_cast<int>(kinds[i].first));
        EXPECT_EQ(rows[i][1], kinds[i].second);
    }
}

TEST(LogFormatPage, sizes) {
    const std::map<std::string, std::uint64_t> expected{
        {"segment", LogOptions{}.segment_bytes},
        {"segment header", kSegmentHeaderBytes},
        {"record header", kRecordHeaderBytes},
        {"record alignment", kRecordAlignment},
        {"largest payload", kRecordPayloadMax},
        {"reserve", kReserveBytesMax},
        {"smallest segment", kSegmentBytesMin},
        {"largest segment", kSegmentBytesMax},
        {"hard state record", make_hard_state_record({}).bytes()}};
    const auto rows = table_under("## Sizes");
    EXPECT_EQ(rows.size(), expected.size());
    for (const Row& row : rows) {
        ASSERT_TRUE(expected.contains(row[0])) << row[0];
        EXPECT_EQ(std::stoull(row[1]), expected.at(row[0])) << row[0];
    }
}

// As `hexdump -C` prints it.
std::string hexdump(std::string_view bytes) {
    std::ostringstream out;
    out << std::hex;
    const auto two = [&out](unsigned value) { out << (value < 16 ? "0" : "") << value; };
    for (std::size_t line = 0; line < bytes.size(); line += 16) {
        out << "000000";
        two(static_cast<unsigned>(line));
        std::string text;
        for (std::size_t i = line; i < line + 16; ++i) {
            out << (i % 8 == 0 ? "  " : " ");
            if (i >= bytes.size()) {
                out << "  ";
                continue;
            }
            two(static_cast<std::uint8_t>(bytes[i]));
            text.push_back(std::isprint(static_cast<unsigned char>(bytes[i])) ? bytes[i] : '.');
        }
        out << "  |" << text << "|\n";
    }
    return out.str();
}

TEST(LogFormatPage, example) {
    LogScene scene;
    scene.open();
    scene.save(1, 1);
    scene.append({make_batch(1, 1, "hello")});
    scene.log->seal();
    const std::uint64_t end = scene.record_offsets(1).back();
    const std::string example =
        hexdump(std::string_view(scene.disk.content(segment_name(1))).substr(0, end));
    EXPECT_NE(the_page().find(example), std::string::npos) << "the page should show:\n" << example;
}

TEST(LogFormat, a_segment_header_passes_only_whole) {
    const SegmentHeader header{{1, 2}, 3, false, {LogIndex(4), Term(5)}, {Term(6), NodeId(7)}};
    const std::string bytes = encode_segment_header(header);
    EXPECT_EQ(*decode_segment_header(bytes), header);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0x10);
        EXPECT_FALSE(decode_segment_header(changed)->has_value()) << at;
        EXPECT_FALSE(decode_segment_header(bytes.substr(0, at))->has_value()) << at;
    }
}

TEST(LogFormat, another_format_version_is_named) {
    std::string bytes = encode_segment_header({{1, 2}, 3, false, {}, {}});
    bytes[8] = 9;
    const std::uint32_t crc = crc32c(std::string_view(bytes).substr(0, kSegmentHeaderBytes - 4));
    for (std::size_t i = 0; i < 4; ++i)
        bytes[kSegmentHeaderBytes - 4 + i] = static_cast<char>(crc >> (8 * i));
    const auto decoded = decode_segment_header(bytes);
    ASSERT_FALSE(decoded.ok());
    EXPECT_NE(decoded.error().message.find("version 9"), std::string::npos);
}

TEST(LogFormat, segment_names) {
    EXPECT_EQ(segment_name(0x1a), "seg-000000000000001a");
    EXPECT_EQ(segment_number("seg-000000000000001a"), 0x1aU);
    for (const char* name : {"seg-1a", "seg-000000000000001A", "seg-00000000000000zz", "lock", "",
                             "seg-000000000000001a0", "spare-00000000000001"})
        EXPECT_FALSE(segment_number(name).has_value()) << name;
}

}  // namespace
}  // namespace raftbus::testing
