#include "storage/log_format.hpp"

#include <charconv>
#include <concepts>

#include "messages/check.hpp"
#include "messages/codec.hpp"
#include "messages/crc32c.hpp"

namespace raftbus {
namespace {

constexpr std::string_view kSegmentPrefix = "seg-";
constexpr std::size_t kNumberDigits = 16;
constexpr char kZeros[kRecordAlignment] = {};

// Places in the record header. The checksum covers all that follows it, padding included.
constexpr std::size_t kCrcAt = 0;
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kKindAt = 8;
constexpr std::size_t kGroupStartAt = 12;

template <std::unsigned_integral Int>
void put_int(char* out, Int value) {
    for (std::size_t i = 0; i < sizeof(Int); ++i) out[i] = static_cast<char>(value >> (8 * i));
}

template <std::unsigned_integral Int>
void put_int(std::string& out, std::size_t at, Int value) {
    put_int(out.data() + at, value);
}

template <std::unsigned_integral Int>
void append_int(std::string& out, Int value) {
    char bytes[sizeof(Int)];
    put_int(bytes, value);
    out.append(bytes, sizeof bytes);
}

template <std::unsigned_integral Int>
Int get_int(std::string_view bytes, std::size_t at) {
    Int value = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i)
        value |=
            static_cast<Int>(static_cast<Int>(static_cast<std::uint8_t>(bytes[at + i])) << (8 * i));
    return value;
}

std::uint32_t checksum_seed(const SegmentId& id, std::uint64_t offset) {
    char place[24];
    put_int(place, id.identity);
    put_int(place + 8, id.number);
    put_int(place + 16, offset);
    return crc32c({place, sizeof place});
}

RecordParts begin_record(RecordKind kind) {
    RecordParts record;
    record.kind = kind;
    record.head.assign(kRecordHeaderBytes, '\0');
    return record;
}

// Cheap tests first: recovery asks at every aligned offset behind a damaged place.
bool plausible(std::string_view bytes, std::uint64_t offset) {
    if (bytes.size() < kRecordHeaderBytes) return false;
    const auto kind = static_cast<std::uint8_t>(bytes[kKindAt]);
    if (kind < static_cast<std::uint8_t>(RecordKind::batch)) return false;
    if (kind > static_cast<std::uint8_t>(RecordKind::restart)) return false;
    if (get_int<std::uint32_t>(bytes, kGroupStartAt) > offset) return false;
    const auto length = get_int<std::uint32_t>(bytes, kLengthAt);
    return length <= kRecordPayloadMax && record_bytes(length) <= bytes.size();
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
    std::string out(kSegmentMagic);
    append_int(out, kLogFormatVersion);
    append_int(out, std::uint32_t{header.recycled});
    append_int(out, header.id.identity);
    append_int(out, header.id.number);
    append_int(out, header.bytes);
    append_int(out, header.before.index.value);
    append_int(out, header.before.term.value);
    append_int(out, header.hard_state.term.value);
    append_int(out, header.hard_state.vote.value);
    append_int(out, crc32c(out));
    CHECK(out.size() == kSegmentHeaderBytes);
    return out;
}

Result<std::optional<SegmentHeader>> decode_segment_header(std::string_view bytes) {
    using Found = std::optional<SegmentHeader>;
    if (bytes.size() < kSegmentHeaderBytes) return Found{};
    constexpr std::size_t crc_at = kSegmentHeaderBytes - 4;
    if (crc32c(bytes.substr(0, crc_at)) != get_int<std::uint32_t>(bytes, crc_at)) return Found{};
    if (!bytes.starts_with(kSegmentMagic)) return Found{};
    if (const auto version = get_int<std::uint32_t>(bytes, 8); version != kLogFormatVersion)
        return Error{"it has log format version " + std::to_string(version) +
                     ", this program reads version " + std::to_string(kLogFormatVersion) +
                     ": run the release that wrote it, or a newer one"};
    SegmentHeader header;
    header.recycled = get_int<std::uint32_t>(bytes, 12) != 0;
    header.id.identity = get_int<std::uint64_t>(bytes, 16);
    header.id.number = get_int<std::uint64_t>(bytes, 24);
    header.bytes = get_int<std::uint64_t>(bytes, 32);
    header.before.index = LogIndex(get_int<std::uint64_t>(bytes, 40));
    header.before.term = Term(get_int<std::uint64_t>(bytes, 48));
    header.hard_state.term = Term(get_int<std::uint64_t>(bytes, 56));
    header.hard_state.vote = NodeId(get_int<std::uint32_t>(bytes, 64));
    return Found{header};
}

std::optional<RecordView> parse_record(std::string_view bytes, const SegmentId& id,
                                       std::uint64_t offset) {
    if (!plausible(bytes, offset)) return std::nullopt;
    const auto length = get_int<std::uint32_t>(bytes, kLengthAt);
    const std::uint64_t total = record_bytes(length);
    const std::string_view covered = bytes.substr(kLengthAt, total - kLengthAt);
    if (crc32c(covered, checksum_seed(id, offset)) != get_int<std::uint32_t>(bytes, kCrcAt))
        return std::nullopt;
    return RecordView{.kind = static_cast<RecordKind>(bytes[kKindAt]),
                      .group_start = get_int<std::uint32_t>(bytes, kGroupStartAt),
                      .payload = bytes.substr(kRecordHeaderBytes, length),
                      .bytes = total};
}

std::string_view RecordParts::padding() const {
    return {kZeros, aligned(payload_bytes()) - payload_bytes()};
}

RecordParts make_batch_record(const Batch& batch) {
    RecordParts record = begin_record(RecordKind::batch);
    const std::string header = encode_header(batch.header);
    append_int(record.head, static_cast<std::uint32_t>(header.size()));
    record.head += header;
    record.body = batch.body;
    record.small_batch = batch.header.kind != BatchKind::commands;
    CHECK(record.payload_bytes() <= kRecordPayloadMax, "a batch must fit into a record");
    return record;
}

RecordParts make_hard_state_record(const HardState& hard_state) {
    RecordParts record = begin_record(RecordKind::hard_state);
    append_int(record.head, hard_state.term.value);
    append_int(record.head, hard_state.vote.value);
    return record;
}

RecordParts make_cut_record(LogIndex from) {
    RecordParts record = begin_record(RecordKind::cut);
    append_int(record.head, from.value);
    return record;
}

RecordParts make_seal_record() {
    return begin_record(RecordKind::seal);
}
RecordParts make_end_record() {
    return begin_record(RecordKind::end);
}

RecordParts make_restart_record(EntryId after) {
    RecordParts record = begin_record(RecordKind::restart);
    append_int(record.head, after.index.value);
    append_int(record.head, after.term.value);
    return record;
}

void finish_record(RecordParts& record, const SegmentId& id, std::uint64_t offset,
                   std::uint64_t group_start) {
    CHECK(offset % kRecordAlignment == 0);
    CHECK(offset < kSegmentBytesMax);
    CHECK(group_start <= offset);
    put_int(record.head, kLengthAt, static_cast<std::uint32_t>(record.payload_bytes()));
    record.head[kKindAt] = static_cast<char>(record.kind);
    put_int(record.head, kGroupStartAt, static_cast<std::uint32_t>(group_start));
    std::uint32_t crc =
        crc32c(std::string_view(record.head).substr(kLengthAt), checksum_seed(id, offset));
    crc = crc32c(record.body.view(), crc);
    crc = crc32c(record.padding(), crc);
    put_int(record.head, kCrcAt, crc);
}

Result<BatchView> parse_batch(std::string_view payload) {
    if (payload.size() < 4) return Error{"the batch record is too short for a batch"};
    const auto header_bytes = get_int<std::uint32_t>(payload, 0);
    if (header_bytes > payload.size() - 4)
        return Error{"the batch's header does not fit its record"};
    Result<BatchHeader> header = decode_header(payload.substr(4, header_bytes));
    if (!header) return header.error();
    return BatchView{*header, payload.substr(4 + header_bytes)};
}

Result<HardState> parse_hard_state(std::string_view payload) {
    if (payload.size() != 12) return Error{"the hard state record has the wrong size"};
    return HardState{Term(get_int<std::uint64_t>(payload, 0)),
                     NodeId(get_int<std::uint32_t>(payload, 8))};
}

Result<LogIndex> parse_cut(std::string_view payload) {
    if (payload.size() != 8) return Error{"the cut record has the wrong size"};
    return LogIndex(get_int<std::uint64_t>(payload, 0));
}

Result<EntryId> parse_restart(std::string_view payload) {
    if (payload.size() != 16) return Error{"the restart record has the wrong size"};
    return EntryId{LogIndex(get_int<std::uint64_t>(payload, 0)),
                   Term(get_int<std::uint64_t>(payload, 8))};
}

std::string segment_name(std::uint64_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string name(kSegmentPrefix);
    for (std::size_t i = kNumberDigits; i-- > 0;) name.push_back(digits[(number >> (4 * i)) & 0xf]);
    return name;
}

std::optional<std::uint64_t> segment_number(std::string_view name) {
    if (name.size() != kSegmentPrefix.size() + kNumberDigits) return std::nullopt;
    if (!name.starts_with(kSegmentPrefix)) return std::nullopt;
    std::uint64_t number = 0;
    const char* first = name.data() + kSegmentPrefix.size();
    const auto [stop, error] = std::from_chars(first, name.data() + name.size(), number, 16);
    if (error != std::errc{} || stop != name.data() + name.size()) return std::nullopt;
    if (name != segment_name(number)) return std::nullopt;  // upper case
    return number;
}

}  // namespace raftbus
