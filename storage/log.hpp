// log: the replicated log and the hard state on disk, in segments of checked records.
//
// Owns: the files named seg-*; which batches are in the log; the last saved term and vote.
// Must not know: actors, roles, what a term means, when to sync.
// Format and recovery: docs/log-format.md.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "messages/batch.hpp"
#include "messages/membership.hpp"
#include "messages/result.hpp"
#include "storage/disk.hpp"

namespace raftbus {

struct HardState {
    Term term;
    NodeId vote;  // 0: none given in this term
    bool operator==(const HardState&) const = default;
};

struct LogOptions {
    std::uint64_t identity = 0;               // of cluster and node: mixed into every checksum, so that a
                                              // file of another node is never taken for ours
    std::uint64_t segment_bytes = 24 << 20;   // a record larger than this gets a segment of its own size
    // What compact() leaves of what it might drop, for followers that are a little behind: whole
    // segments, no more than both.
    std::uint64_t keep_bytes = 48 << 20;
    std::uint64_t keep_entries = 1'000'000;
};

// What was found at start.
struct RecoveredLog {
    HardState hard_state;              // the term is at least that of the last entry
    EntryId before_first;              // the entry before the oldest one that is kept; {0, 0} if none was cut
    EntryId last;                      // the end of the log; == before_first if it is empty
    std::vector<EntryId> term_starts;  // the first entry of each run of equal terms, ascending
    WallTime newest_time;              // of the batches that are left in the log; 0: none
    std::uint64_t torn_bytes = 0;      // of an unfinished write at the very end, cut off
    std::vector<StoredConfiguration> configurations;  // the config batches that are in the log, ascending
    // What the last orderly stop had applied, and the log still holds: committed. {0, 0}: not known.
    EntryId committed;
};

// False if the log holds another entry there, or none. The term before its first entry may be
// unknown.
bool reaches(const RecoveredLog& log, EntryId entry);

struct Recovery;
RecoveredLog report_of(const Recovery& recovery);

class Log {
public:
    // Reads all segments. The error names file and offset of the damage and what to do about it.
    static Result<std::unique_ptr<Log>> open(Disk& disk, const LogOptions& options);
    virtual ~Log() = default;

    virtual const RecoveredLog& recovered() const = 0;

    // Gathers a change; nothing is written before sync(). False if there is no room on the disk for it:
    // then nothing of it was gathered. The bodies are kept by reference until sync() returns.
    virtual bool stage(const HardState& hard_state) = 0;
    // First forgets all entries from `cut_from` on (0: none), then adds the batches, which must follow
    // the log's end. CHECKs that they do.
    virtual bool stage(LogIndex cut_from, const std::vector<Batch>& batches) = 0;
    // Writes all that was gathered with one write and one fdatasync (more only across segments), in the
    // order it was gathered. When it returns, everything is durable. Nothing gathered: does nothing.
    virtual void sync() = 0;

    // Marks, without waiting for the disk, that the last group of writes was synced: damage to it is
    // then known from an unfinished write and refused at the next start. For when the log falls idle and
    // at orderly shutdown. Nothing is staged (CHECKed); does nothing if the log is sealed already.
    virtual void seal() = 0;

    // At orderly shutdown: the state has applied everything up to `applied`, which is in the log. The
    // next start finds it in recovered().committed. A hint: without room on the disk nothing is noted.
    virtual void note_applied(EntryId applied) = 0;

    // Drops whole segments from the log's beginning that hold nothing beyond `flushed`, which must be
    // at most last(); as many as LogOptions say, or, for `all` of them, every one, ending the present
    // segment for it if there is room for another. Nothing is staged (CHECKed).
    virtual void compact(LogIndex flushed, bool all) = 0;
    // compact() has kept more of dropped segments than the next one needs.
    virtual bool has_surplus() = 0;
    // Gives some of it back; for when the log has been idle.
    virtual void trim() = 0;
    // Forgets everything that is in the log: it goes on after `entry`, which a snapshot holds. Durable
    // when it returns, and atomic. False, and nothing changed, if there is no room on the disk. Nothing is
    // staged (CHECKed). recovered() says what a restart would find.
    virtual bool restart_after(EntryId entry) = 0;

    // Whole batches from the one that holds `from`, at least one if it is there, until `bytes_max` is
    // exceeded. Nothing is staged (CHECKed). Throws DiskFailed if a record that was written can not be
    // read back intact.
    virtual std::vector<Batch> read(LogIndex from, std::uint64_t bytes_max) = 0;

    virtual EntryId before_first() const = 0;  // the entry before the oldest one that is kept
    virtual LogIndex first() const = 0;  // the oldest index that is kept; one above last() if empty
    virtual EntryId last() const = 0;    // the end of the log, staged or not
};

}  // namespace raftbus
