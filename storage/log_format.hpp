// log_format: the bytes of a log segment. docs/log-format.md is this file in words, and a test
// holds the two together.
//
// Owns: the segment header and the record, their checksums and payloads. All integers are little
// endian. Must not know: files, recovery, which record follows which.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/batch.hpp"
#include "messages/result.hpp"
#include "storage/log.hpp"

namespace raftbus {

inline constexpr std::string_view kSegmentMagic = "RAFTBUSL";
inline constexpr std::uint32_t kLogFormatVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 72;
inline constexpr std::size_t kRecordHeaderBytes = 16;
inline constexpr std::size_t kRecordAlignment = 8;  // of every record's first byte in the segment
inline constexpr std::uint64_t kRecordPayloadMax = 1U << 30;
inline constexpr std::uint64_t kSegmentBytesMin = 1024;
inline constexpr std::uint64_t kSegmentBytesMax = 1ULL << 32;  // offsets are 32 bits

static_assert(kSegmentHeaderBytes % kRecordAlignment == 0);
static_assert(kRecordHeaderBytes % kRecordAlignment == 0);

enum class RecordKind : std::uint8_t {
    batch = 1,       // the header's length, the header, the body
    hard_state = 2,  // term and vote
    cut = 3,         // an index: all entries from it on are forgotten
    seal = 4,        // empty: all before it was durable when it was written
    end = 5,         // empty: the segment ends here, the log goes on in the next one
    restart = 6,     // an entry: all are forgotten, the log goes on after it (a snapshot holds them)
};

constexpr std::uint64_t aligned(std::uint64_t bytes) {
    return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
// What a record takes in the segment, padding included.
constexpr std::uint64_t record_bytes(std::uint64_t payload_bytes) {
    return kRecordHeaderBytes + aligned(payload_bytes);
}

// Which file a record belongs to. Mixed into its checksum together with its offset, so that a block
// from another node, file or place is never taken for this one's.
struct SegmentId {
    std::uint64_t identity = 0;  // LogOptions::identity
    std::uint64_t number = 0;    // from 1
    bool operator==(const SegmentId&) const = default;
};

// The first bytes of a segment.
struct SegmentHeader {
    SegmentId id;
    std::uint64_t bytes = 0;  // the file's size
    bool recycled = false;    // the file was another segment: behind the records stand its bytes, not zeros
    EntryId before;           // the log's last entry when the segment was begun
    HardState
        hard_state;  // the newest one saved by then, so that older segments need not be kept for it
    bool operator==(const SegmentHeader&) const = default;
};

// Exactly kSegmentHeaderBytes.
std::string encode_segment_header(const SegmentHeader& header);
// None if the bytes are not a whole header. An error if they are one, but of another format
// version.
Result<std::optional<SegmentHeader>> decode_segment_header(std::string_view bytes);

// A record that passed its checksum. Views the bytes that it was parsed from.
struct RecordView {
    RecordKind kind = RecordKind::batch;
    // Everything before this offset was durable when the record was written.
    std::uint64_t group_start = 0;
    std::string_view payload;
    std::uint64_t bytes = 0;  // with header and padding
};

// The record that starts at `bytes`, which is at `offset` of its segment. None if there is no valid
// one.
std::optional<RecordView> parse_record(std::string_view bytes, const SegmentId& id,
                                       std::uint64_t offset);

// A record to be written: `head` + `body` + padding.
struct RecordParts {
    std::string head;  // kRecordHeaderBytes for the header, then the payload up to the body
    SharedBytes body;
    RecordKind kind = RecordKind::batch;
    bool small_batch = false;  // no client's: a leader's first entry, its time, a configuration

    std::uint64_t payload_bytes() const { return head.size() - kRecordHeaderBytes + body.size(); }
    std::uint64_t bytes() const { return record_bytes(payload_bytes()); }
    // A view of the zeros that follow the body.
    std::string_view padding() const;
};

RecordParts make_batch_record(const Batch& batch);
RecordParts make_hard_state_record(const HardState& hard_state);
RecordParts make_cut_record(LogIndex from);
RecordParts make_seal_record();
RecordParts make_end_record();
RecordParts make_restart_record(EntryId after);
// Fills in the header of a record, once it is known where it will stand.
void finish_record(RecordParts& record, const SegmentId& id, std::uint64_t offset,
                   std::uint64_t group_start);

struct BatchView {
    BatchHeader header;
    std::string_view body;
};
Result<BatchView> parse_batch(std::string_view payload);
Result<HardState> parse_hard_state(std::string_view payload);
Result<LogIndex> parse_cut(std::string_view payload);
Result<EntryId> parse_restart(std::string_view payload);

// "seg-000000000000001a"
std::string segment_name(std::uint64_t number);
// None if it is not the name of a segment.
std::optional<std::uint64_t> segment_number(std::string_view name);

}  // namespace raftbus
