#include "storage/recovery.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/check.hpp"
#include "storage/damage.hpp"
#include "storage/log_format.hpp"

namespace raftbus {
namespace {

constexpr std::uint64_t kZerosAtOnce = 1 << 20;

std::uint64_t behind_last_nonzero(std::string_view bytes) {
    const std::size_t last = bytes.find_last_not_of('\0');
    return last == std::string_view::npos ? 0 : last + 1;
}

// Zeros all from there on, so that nothing of it is ever read again. Zeros that can be seen may be
// in the cache alone like anything else, over what another sync left of an unfinished group.
void erase_from(DiskFile& file, std::uint64_t from) {
    const std::string zeros(std::min(kZerosAtOnce, file.size() - from), '\0');
    std::vector<std::string_view> parts;
    for (std::uint64_t left = file.size() - from; left > 0; left -= parts.back().size())
        parts.push_back(std::string_view(zeros).substr(0, left));
    file.write(from, parts);
}

class Replay {
public:
    Replay(Disk& disk, const LogOptions& options) : disk_(disk), options_(options) {}

    Result<Recovery> run() {
        if (Status s = judge(); !s) return s.error();
        if (Status s = find_end(); !s) return s.error();
        return std::move(result_);
    }

    Result<Recovery> look() {
        if (Status s = judge(); !s) return s.error();
        return std::move(result_);
    }

private:
    Status judge() {
        if (Status s = find_segments(); !s) return s.error();
        if (Status s = set_blanks_aside(); !s) return s.error();
        for (std::uint64_t number : segments_)
            if (Status s = replay_segment(number); !s) return s.error();
        if (!times_.empty()) result_.newest_time = times_.back().time;
        return judge_end();
    }

    SegmentId id(std::uint64_t number) const { return {options_.identity, number}; }

    std::string content(std::uint64_t number) {
        const std::unique_ptr<DiskFile> file = disk_.open(segment_name(number));
        return file->read(0, file->size());
    }

    Status find_segments() {
        for (const std::string& name : disk_.list())
            if (const auto number = segment_number(name)) segments_.push_back(*number);
        for (std::size_t i = 1; i < segments_.size(); ++i)
            if (segments_[i] != segments_.front() + i)
                return damage(segment_name(segments_.front() + i), 0,
                              "the file is missing, and later ones are there");
        oldest_ = segments_.empty() ? 0 : segments_.front();
        return Done{};
    }

    // Segments at the end of which nothing was ever durable: made ahead, of zeros or of a segment
    // that was dropped, or begun by a group that was not finished.
    Status set_blanks_aside() {
        while (!segments_.empty()) {
            const std::uint64_t number = segments_.back();
            const std::string bytes = content(number);
            const std::uint64_t used = behind_last_nonzero(bytes);
            if (used > 0) {
                const auto header = decode_segment_header(bytes);
                if (!header) return Error{segment_name(number) + ": " + header.error().message};
                if (*header && !recycled(**header)) return Done{};
                if (const auto proof = proof_of_damage(bytes, number, 0))
                    return damage(segment_name(number), 0,
                                  "the segment's header is damaged: " + *proof);
                torn_begin_ = *header ? end_of_records(bytes, number, 0) : used;
            }
            result_.end.blanks.push_front(number);
            segments_.pop_back();
            if (torn_begin_ > 0)
                break;  // the one before it was complete and durable when this one was begun
        }
        return Done{};
    }

    // The header of a file that was an older segment, one that is not there any more.
    bool recycled(const SegmentHeader& header) const {
        return header.id.identity == options_.identity && header.id.number < oldest_;
    }

    // Behind the last valid record of the segment that stands at or behind `from`; 0: there is none.
    std::uint64_t end_of_records(std::string_view bytes, std::uint64_t number,
                                 std::uint64_t from) const {
        std::uint64_t end = 0;
        for (std::uint64_t at = from; at + kRecordHeaderBytes <= bytes.size();
             at += kRecordAlignment)
            if (const auto record = parse_record(bytes.substr(at), id(number), at))
                end = at + record->bytes;
        return end;
    }

    // `torn` is an offset at which no valid record stands. Was there one that had been synced? Then
    // a later group says that everything before it was durable. Returns what proves it.
    std::optional<std::string> proof_of_damage(std::string_view bytes, std::uint64_t number,
                                               std::uint64_t torn) const {
        for (std::uint64_t at = torn + kRecordAlignment; at + kRecordHeaderBytes <= bytes.size();
             at += kRecordAlignment) {
            const auto record = parse_record(bytes.substr(at), id(number), at);
            if (record && record->group_start > torn)
                return "a record at offset " + std::to_string(at) +
                       " was written after this place was synced";
        }
        return std::nullopt;
    }

    Status replay_segment(std::uint64_t number) {
        const std::string bytes = content(number);
        if (Status s = check_header(bytes, number); !s) return s;
        std::uint64_t at = kSegmentHeaderBytes;
        group_start_ = 0;
        ended_ = false;
        result_.end.sealed = false;
        while (!ended_) {
            const auto record = parse_record(std::string_view(bytes).substr(at), id(number), at);
            if (!record) break;
            if (const Status s = apply(*record, number, at); !s)
                return damage(segment_name(number), at, s.error().message);
            group_start_ = record->group_start;
            at += record->bytes;
        }
        result_.end.offset = at;
        last_group_ = bytes.substr(group_start_, at - group_start_);
        if (ended_) return Done{};
        if (number != segments_.back() || torn_begin_ > 0)
            return damage(segment_name(number), at,
                          "the record is damaged: the log goes on in the next file");
        if (const auto proof = proof_of_damage(bytes, number, at))
            return damage(segment_name(number), at, "the record is damaged: " + *proof);
        const std::uint64_t used =
            recycled_ ? end_of_records(bytes, number, at) : behind_last_nonzero(bytes);
        torn_end_ = used > at ? used : at;
        return Done{};
    }

    Status check_header(std::string_view bytes, std::uint64_t number) {
        const std::string name = segment_name(number);
        const auto decoded = decode_segment_header(bytes);
        if (!decoded) return Error{name + ": " + decoded.error().message};
        if (!*decoded) return damage(name, 0, "the segment's header is damaged");
        const SegmentHeader& header = **decoded;
        if (header.id.identity != options_.identity)
            return damage(name, 0, "the file is of another node or another cluster");
        if (header.id.number != number)
            return damage(name, 0,
                          "the file is " + segment_name(header.id.number) + " under another name");
        if (header.bytes != bytes.size())
            return damage(name, bytes.size(),
                          "the file has " + std::to_string(bytes.size()) +
                              " bytes and was made with " + std::to_string(header.bytes));
        recycled_ = header.recycled;
        if (result_.end.segments.empty()) {  // older ones were dropped, or there were none
            result_.index.restart_after(header.before);
            result_.hard_state = header.hard_state;
        }
        const EntryId last = result_.index.last();
        if (last == EntryId{header.before.index, Term()})
            result_.index.restart_after(header.before);  // its term was not known, see apply_cut
        if (header.before != result_.index.last() || header.hard_state != result_.hard_state)
            return damage(name, 0, "the segment does not follow the one before it");
        result_.end.segments.push_back({number, header.before, header.bytes});
        return Done{};
    }

    // The error says what is wrong with the record.
    Status apply(const RecordView& record, std::uint64_t number, std::uint64_t at) {
        if (record.group_start > at) return Error{"the record's group begins behind it"};
        result_.end.sealed = record.kind == RecordKind::seal;
        switch (record.kind) {
            case RecordKind::batch:
                return apply_batch(record, number, at);
            case RecordKind::hard_state:
                return apply_hard_state(record);
            case RecordKind::cut:
                return apply_cut(record);
            case RecordKind::seal:
                return Done{};
            case RecordKind::end:
                ended_ = true;
                return Done{};
            case RecordKind::restart:
                return apply_restart(record);
        }
        return Error{"the record's kind is not known"};
    }

    Status apply_batch(const RecordView& record, std::uint64_t number, std::uint64_t at) {
        const auto batch = parse_batch(record.payload);
        if (!batch) return batch.error();
        const BatchHeader& header = batch->header;
        const EntryId last = result_.index.last();
        if (header.first != last.index.next() || header.count == 0 || header.term < last.term)
            return Error{"the batch does not follow the one before it"};
        if (times_.empty() || header.time > times_.back().time)
            times_.push_back({header.first, header.time});
        result_.index.add({.first = header.first,
                           .term = header.term,
                           .segment = number,
                           .count = header.count,
                           .offset = static_cast<std::uint32_t>(at),
                           .bytes = static_cast<std::uint32_t>(record.bytes)});
        if (header.kind == BatchKind::config)
            result_.configurations.push_back({header.first, SharedBytes::copy(batch->body)});
        return Done{};
    }

    Status apply_hard_state(const RecordView& record) {
        const auto hard_state = parse_hard_state(record.payload);
        if (!hard_state) return hard_state.error();
        if (hard_state->term < result_.hard_state.term)
            return Error{"the term is older than the one saved before it"};
        result_.hard_state = *hard_state;
        return Done{};
    }

    Status apply_cut(const RecordView& record) {
        const auto from = parse_cut(record.payload);
        if (!from) return from.error();
        std::erase_if(result_.configurations,
                      [&](const StoredConfiguration& stored) { return stored.index >= *from; });
        while (!times_.empty() && times_.back().first >= *from) times_.pop_back();
        BatchIndex& index = result_.index;
        // What it cuts stood in segments that were dropped, once all up to here was flushed: which
        // entry was left as the last, they alone knew.
        if (*from <= index.before_first().index) {
            index.restart_after({from->previous(), Term()});
        } else {
            if (!index.is_edge(*from)) return Error{"the cut is not at the edge of a batch"};
            index.cut(*from);
        }
        for (SegmentStart& segment : result_.end.segments) segment.cut_after(index.last());
        return Done{};
    }

    Status apply_restart(const RecordView& record) {
        const auto after = parse_restart(record.payload);
        if (!after) return after.error();
        result_.configurations.clear();
        times_.clear();
        result_.index.restart_after(*after);
        return Done{};
    }

    // What comes behind the last record is there.
    Status judge_end() {
        const std::deque<std::uint64_t>& blanks = result_.end.blanks;
        if (segments_.empty() && !blanks.empty() && blanks.front() != 1)
            return damage(segment_name(blanks.front()), 0,
                          "the file is empty, and those before it are missing");
        const bool goes_on = !segments_.empty() && ended_;
        if (goes_on && blanks.empty())
            return damage(segment_name(segments_.back() + 1), 0,
                          "the file is missing: the one before it says that the log goes on here");
        result_.torn_bytes =
            segments_.empty() || ended_ ? torn_begin_ : torn_end_ - result_.end.offset;
        return Done{};
    }

    // From here on files are changed: all of them were found in order. What was seen of the last
    // group may stand in the page cache alone; after a failed sync it even counts as clean there,
    // and no later sync writes it (fsyncgate). So the very bytes that were judged are written once
    // more.
    Status find_end() {
        LogEnd& end = result_.end;
        if (segments_.empty() || ended_)
            return begin_segment(segments_.empty() ? 1 : segments_.back() + 1);
        end.segment = segments_.back();
        end.file = disk_.open(segment_name(end.segment));
        end.file->write(group_start_, {last_group_});
        erase_from(*end.file, end.offset);
        end.file->sync();
        return Done{};
    }

    // The log ends where segment `number` begins.
    Status begin_segment(std::uint64_t number) {
        LogEnd& end = result_.end;
        const std::string name = segment_name(number);
        const bool reused = !end.blanks.empty();
        if (reused) {
            end.blanks.pop_front();
            end.file = disk_.open(name);
        } else {
            CHECK(segments_.empty(), "judged before");
            end.file = disk_.create_file(name, options_.segment_bytes);
        }
        if (!end.file)
            return Error{"no room on the disk for " + name + " (" +
                         std::to_string(options_.segment_bytes) +
                         " bytes); free some and start again"};
        if (!segments_.empty()) finish_segment(number - 1);
        const std::string header = encode_segment_header(
            {id(number), end.file->size(), false, result_.index.last(), result_.hard_state});
        end.file->write(0, {header});
        if (reused) erase_from(*end.file, header.size());
        end.file->sync();
        end.segments.push_back({number, result_.index.last(), end.file->size()});
        end.segment = number;
        end.offset = header.size();
        end.sealed = false;
        return Done{};
    }

    // The segment that was replayed last has its `end`; nothing is written behind it before that is
    // durable.
    void finish_segment(std::uint64_t number) {
        const std::unique_ptr<DiskFile> file = disk_.open(segment_name(number));
        file->write(group_start_, {last_group_});
        file->sync();
    }

    struct NewTime {
        LogIndex first;
        WallTime time;
    };

    Disk& disk_;
    const LogOptions& options_;
    std::vector<NewTime> times_;           // batches left in the log, each newer than all before it
    std::vector<std::uint64_t> segments_;  // without gaps, those that hold something
    std::uint64_t oldest_ = 0;             // of all segments that were found
    bool ended_ = false;                   // the last of them has its end record
    bool recycled_ = false;                // and was another segment before
    std::uint64_t group_start_ = 0;        // in the last of them: all before it is durable
    std::string last_group_;               // what follows there, up to the end of its records
    std::uint64_t torn_begin_ = 0;         // bytes of a segment whose begin is an unfinished write
    std::uint64_t torn_end_ = 0;  // behind the last byte of an unfinished write in the last one
    Recovery result_;
};

}  // namespace

Result<Recovery> recover_log(Disk& disk, const LogOptions& options) {
    return Replay(disk, options).run();
}

Result<Recovery> judge_log(Disk& disk, const LogOptions& options) {
    return Replay(disk, options).look();
}

}  // namespace raftbus
