// log_writer: the end of the log, where records are gathered and written.
//
// Owns: the segment that is being written and those that stand ready behind it; where each record
// goes. Must not know: what the records say.
//
// A group is what one sync() writes. A group that does not fit into its segment goes on in the next
// one, which is written only after the older one is durable: so the last segment alone can be torn.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "storage/disk.hpp"
#include "storage/log.hpp"
#include "storage/log_format.hpp"

namespace raftbus {

// The last part of each segment is closed to clients' batches, so that a full disk stops neither
// elections nor cuts: about a thousand hard states fit there. Half of it is open to what leaders
// have to write to be able to answer reads.
inline constexpr std::uint64_t kReserveBytesMax = 64 << 10;

// What a segment needs of those before it.
struct SegmentStart {
    std::uint64_t number = 0;
    // The last entry of the log that older segments hold: the log's end when this one was begun, or
    // where a cut in it, or in a later one, has shortened the log to.
    EntryId before;
    std::uint64_t bytes = 0;  // of the file

    void cut_after(EntryId last) {
        if (last.index < before.index) before = last;
    }
};

// Where the log ends, as recovery found it.
struct LogEnd {
    std::uint64_t segment = 0;
    std::unique_ptr<DiskFile> file;     // of that segment
    std::uint64_t offset = 0;           // behind its last record; everything before is durable
    bool sealed = false;                // its last record is a seal
    std::deque<SegmentStart> segments;  // all that hold something, `segment` the last of them
    std::deque<std::uint64_t>
        blanks;  // numbers of the segments that stand ready behind it: zeros, or recycled
};

class LogWriter {
public:
    // What the log says before a record: a segment that begins with the record notes it in its
    // header.
    struct Before {
        EntryId last;
        HardState hard_state;
    };
    struct Place {
        std::uint64_t segment = 0;
        std::uint64_t offset = 0;
    };

    LogWriter(Disk& disk, const LogOptions& options, LogEnd end);

    // Makes sure that the records can be placed, one after the other: makes segments if it must.
    // False if the disk has no room for them.
    bool make_room(const std::vector<RecordParts>& records);
    // Ends the present segment: the next record begins a new one. False if the disk has no room.
    bool begin_segment(const Before& before);
    // Gathers a record that make_room has made room for. The body is kept until sync() returns.
    Place place(RecordParts record, const Before& before);
    bool staged() const { return !open_.front().gathered.empty(); }

    // All segments that hold something, oldest first.
    const std::deque<SegmentStart>& segments() const { return segments_; }
    // A record that was placed cuts the log: it ends with `last` now.
    void cut_after(EntryId last);
    // Removes the oldest of them, which is not the one that is written to (CHECKed). `recycle`: its
    // file may become a later segment.
    void remove_oldest(bool recycle);

    // See Log.
    void sync();
    void seal();

private:
    struct OpenSegment {
        SegmentId id;
        std::unique_ptr<DiskFile> file;
        std::uint64_t bytes = 0;
        std::uint64_t durable_end = 0;      // everything before was synced
        std::uint64_t written_end = 0;      // > durable_end after a seal
        std::uint64_t end = 0;              // with what is gathered
        std::string header;                 // gathered too, if the segment is new
        std::vector<RecordParts> gathered;  // to be written from written_end on
    };
    struct Blank {
        Blank(std::uint64_t blank_number, std::unique_ptr<DiskFile> blank_file);
        std::uint64_t number;
        std::unique_ptr<DiskFile> file;
        std::uint64_t bytes;
        bool recycled;  // it holds the bytes of an older segment
    };

    std::uint64_t limit(const RecordParts& record, std::uint64_t segment_bytes) const;
    bool add_blank(std::uint64_t for_record_bytes);
    void roll(const Before& before);
    static void gather(OpenSegment& segment, RecordParts record);
    void write(OpenSegment& segment);

    Disk& disk_;
    const LogOptions options_;
    const std::uint64_t reserve_;
    std::deque<OpenSegment>
        open_;  // the one that is written to last; before it, full ones not yet synced
    std::deque<Blank> blanks_;  // in order of number
    std::deque<SegmentStart> segments_;
    std::uint64_t bytes_ = 0, syncs_ = 0;  // since the last segment was begun
    bool sealed_;                          // nothing was written since the last seal
};

}  // namespace raftbus
