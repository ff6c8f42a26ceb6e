#include "storage/log_writer.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"

namespace raftbus {
namespace {

constexpr std::uint64_t kEndRecordBytes = record_bytes(0);
// What is synced at once, from which on it costs more to write the blocks twice than to write
// metadata with each sync: half as fast with 64 KiB values, and a tenth with 1 KiB
// (docs/performance.md).
constexpr std::uint64_t kLargeSync = 128 << 10;

std::uint64_t reserve_for(std::uint64_t segment_bytes) {
    return std::min(kReserveBytesMax, segment_bytes / 8);
}

}  // namespace

LogWriter::LogWriter(Disk& disk, const LogOptions& options, LogEnd end)
    : disk_(disk),
      options_(options),
      reserve_(reserve_for(options.segment_bytes)),
      segments_(std::move(end.segments)),
      sealed_(end.sealed) {
    CHECK(options.segment_bytes >= kSegmentBytesMin);
    CHECK(options.segment_bytes <= kSegmentBytesMax);
    OpenSegment current;
    current.id = {options.identity, end.segment};
    current.bytes = end.file->size();
    current.file = std::move(end.file);
    current.durable_end = current.written_end = current.end = end.offset;
    open_.push_back(std::move(current));
    for (std::uint64_t number : end.blanks)
        blanks_.push_back(Blank(number, disk.open(segment_name(number))));
    if (blanks_.empty()) disk_.prepare_file(options_.segment_bytes, Blocks::written);
}

LogWriter::Blank::Blank(std::uint64_t blank_number, std::unique_ptr<DiskFile> blank_file)
    : number(blank_number),
      file(std::move(blank_file)),
      bytes(file->size()),
      recycled(file->read(0, kSegmentMagic.size()) == kSegmentMagic) {}

// Where such a record has to end in a segment of that size. There is always room for `end`.
std::uint64_t LogWriter::limit(const RecordParts& record, std::uint64_t segment_bytes) const {
    const bool batch = record.kind == RecordKind::batch;
    const std::uint64_t reserve = !batch ? 0 : record.small_batch ? reserve_ / 2 : reserve_;
    const std::uint64_t kept = kEndRecordBytes + reserve;
    return segment_bytes > kept ? segment_bytes - kept : 0;
}

bool LogWriter::make_room(const std::vector<RecordParts>& records) {
    std::uint64_t end = open_.back().end;
    std::uint64_t bytes = open_.back().bytes;
    std::size_t next = 0;  // of blanks_
    for (const RecordParts& record : records) {
        while (end + record.bytes() > limit(record, bytes)) {
            if (next == blanks_.size() && !add_blank(record.bytes())) return false;
            end = kSegmentHeaderBytes;
            bytes = blanks_[next++].bytes;
        }
        end += record.bytes();
    }
    return true;
}

bool LogWriter::add_blank(std::uint64_t for_record_bytes) {
    const std::uint64_t number =
        (blanks_.empty() ? open_.back().id.number : blanks_.back().number) + 1;
    const std::uint64_t needed =
        kSegmentHeaderBytes + for_record_bytes + reserve_ + kEndRecordBytes;
    const std::uint64_t bytes = std::max(options_.segment_bytes, needed);
    std::unique_ptr<DiskFile> file = disk_.create_file(segment_name(number), bytes);
    if (!file) return false;
    blanks_.push_back(Blank(number, std::move(file)));
    return true;
}

bool LogWriter::begin_segment(const Before& before) {
    if (blanks_.empty() && !add_blank(0)) return false;
    roll(before);
    return true;
}

void LogWriter::cut_after(EntryId last) {
    for (SegmentStart& segment : segments_) segment.cut_after(last);
}

void LogWriter::remove_oldest(bool recycle) {
    CHECK(segments_.size() > open_.size(), "what is written to stays");
    const SegmentStart& oldest = segments_.front();
    if (recycle && oldest.bytes == options_.segment_bytes)
        disk_.recycle(segment_name(oldest.number));
    else
        disk_.remove(segment_name(oldest.number));
    segments_.pop_front();
}

LogWriter::Place LogWriter::place(RecordParts record, const Before& before) {
    while (open_.back().end + record.bytes() > limit(record, open_.back().bytes)) roll(before);
    OpenSegment& segment = open_.back();
    const Place place{segment.id.number, segment.end};
    gather(segment, std::move(record));
    return place;
}

void LogWriter::roll(const Before& before) {
    CHECK(!blanks_.empty(), "make_room comes before place");
    gather(open_.back(), make_end_record());
    Blank blank = std::move(blanks_.front());
    blanks_.pop_front();
    OpenSegment next;
    next.id = {options_.identity, blank.number};
    next.file = std::move(blank.file);
    next.bytes = blank.bytes;
    next.header = encode_segment_header(
        {next.id, next.bytes, blank.recycled, before.last, before.hard_state});
    next.end = next.header.size();
    segments_.push_back({next.id.number, before.last, next.bytes});
    open_.push_back(std::move(next));
}

void LogWriter::gather(OpenSegment& segment, RecordParts record) {
    finish_record(record, segment.id, segment.end, segment.durable_end);
    segment.end += record.bytes();
    CHECK(segment.end <= segment.bytes);
    segment.gathered.push_back(std::move(record));
}

void LogWriter::write(OpenSegment& segment) {
    std::vector<std::string_view> parts;
    parts.reserve(1 + 3 * segment.gathered.size());
    const auto add = [&parts](std::string_view part) {
        if (!part.empty()) parts.push_back(part);
    };
    add(segment.header);
    for (const RecordParts& record : segment.gathered) {
        add(record.head);
        add(record.body.view());
        add(record.padding());
    }
    segment.file->append(segment.written_end, parts);
    bytes_ += segment.end - segment.written_end;
    segment.written_end = segment.end;
    segment.header.clear();
    segment.gathered.clear();
}

void LogWriter::sync() {
    if (!staged()) return;
    const bool rolled = open_.size() > 1;
    for (;;) {
        OpenSegment& oldest = open_.front();
        write(oldest);
        oldest.file->sync();
        ++syncs_;
        oldest.durable_end = oldest.written_end;
        if (open_.size() == 1) break;
        open_.pop_front();
    }
    sealed_ = false;
    if (!rolled) return;
    const Blocks blocks = bytes_ >= syncs_ * kLargeSync ? Blocks::reserved : Blocks::written;
    bytes_ = syncs_ = 0;
    if (blanks_.empty()) disk_.prepare_file(options_.segment_bytes, blocks);
}

void LogWriter::seal() {
    CHECK(!staged(), "a seal says that nothing is on its way");
    OpenSegment& segment = open_.back();
    RecordParts record = make_seal_record();
    if (sealed_ || segment.end + record.bytes() > limit(record, segment.bytes)) return;
    gather(segment, std::move(record));
    write(segment);
    sealed_ = true;
}

}  // namespace raftbus
