#include "storage/log.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"
#include "storage/applied_mark.hpp"
#include "storage/batch_index.hpp"
#include "storage/log_reader.hpp"
#include "storage/log_writer.hpp"
#include "storage/recovery.hpp"

namespace raftbus {

RecoveredLog report_of(const Recovery& recovery) {
    RecoveredLog log;
    log.hard_state = recovery.hard_state;
    log.before_first = recovery.index.before_first();
    log.last = recovery.index.last();
    if (log.hard_state.term < log.last.term) log.hard_state = {log.last.term, NodeId{}};
    log.term_starts = recovery.index.term_starts();
    log.newest_time = recovery.newest_time;
    log.torn_bytes = recovery.torn_bytes;
    log.configurations = recovery.configurations;
    return log;
}

bool reaches(const RecoveredLog& log, EntryId entry) {
    if (entry.index > log.last.index) return false;
    if (entry.index <= log.before_first.index) return true;
    const auto after = std::ranges::upper_bound(log.term_starts, entry.index, {}, &EntryId::index);
    return after != log.term_starts.begin() && std::prev(after)->term == entry.term;
}

namespace {

class SegmentedLog : public Log {
public:
    SegmentedLog(Disk& disk, const LogOptions& options, Recovery recovery)
        : disk_(disk),
          options_(options),
          recovered_(report_of(recovery)),
          index_(std::move(recovery.index)),
          hard_state_(recovery.hard_state),
          writer_(disk, options, std::move(recovery.end)),
          reader_(disk, options.identity) {
        const EntryId applied = load_applied_mark(disk, options.identity);
        if (reaches(recovered_, applied)) recovered_.committed = applied;
    }

    const RecoveredLog& recovered() const override { return recovered_; }
    EntryId before_first() const override { return index_.before_first(); }
    LogIndex first() const override { return index_.first(); }
    EntryId last() const override { return index_.last(); }

    bool stage(const HardState& hard_state) override {
        CHECK(hard_state.term >= hard_state_.term, "the term never falls");
        if (hard_state.term == hard_state_.term && hard_state_.vote)
            CHECK(hard_state.vote == hard_state_.vote, "one vote per term");
        std::vector<RecordParts> records;
        records.push_back(make_hard_state_record(hard_state));
        if (!writer_.make_room(records)) return false;
        writer_.place(std::move(records.front()), before());
        hard_state_ = hard_state;
        return true;
    }

    bool stage(LogIndex cut_from, const std::vector<Batch>& batches) override {
        const LogIndex end = index_.last().index.next();
        if (cut_from) CHECK(index_.is_edge(cut_from), "logs part at the edges of batches only");
        CHECK(contiguous(batches, cut_from ? cut_from : end), "batches must follow the log's end");
        const bool cuts = cut_from && cut_from < end;
        std::vector<RecordParts> records;
        records.reserve(batches.size() + 1);
        if (cuts) records.push_back(make_cut_record(cut_from));
        for (const Batch& batch : batches) records.push_back(make_batch_record(batch));
        if (!writer_.make_room(records)) return false;

        auto record = records.begin();
        if (cuts) {
            writer_.place(std::move(*record++), before());
            index_.cut(cut_from);
            writer_.cut_after(index_.last());
        }
        for (const Batch& batch : batches) place(batch.header, std::move(*record++));
        return true;
    }

    void sync() override { writer_.sync(); }
    void seal() override { writer_.seal(); }
    void note_applied(EntryId applied) override {
        if (applied.index) save_applied_mark(disk_, options_.identity, applied);
    }
    bool has_surplus() override { return disk_.has_surplus(); }
    void trim() override { disk_.trim(); }

    // What is kept begins where a segment begins, so that a restart finds it there.
    void compact(LogIndex flushed, bool all) override {
        CHECK(!writer_.staged(), "what is dropped must not be on its way");
        CHECK(flushed <= index_.last().index);
        if (all && index_.last().index > writer_.segments().back().before.index &&
            writer_.begin_segment(before()))
            writer_.sync();
        while (may_drop_oldest(flushed) && (all || keeps_too_much(flushed)))
            writer_.remove_oldest(!all);
        const EntryId kept_after = writer_.segments().front().before;
        if (kept_after.index > index_.before_first().index) index_.drop_to(kept_after);
    }

    // A segment of its own, so that those before it can go.
    bool restart_after(EntryId entry) override {
        CHECK(!writer_.staged(), "what is forgotten must not be on its way");
        std::vector<RecordParts> records;
        records.push_back(make_restart_record(entry));
        if (!writer_.begin_segment(before())) return false;
        CHECK(writer_.make_room(records), "a new segment has room for it");
        writer_.place(std::move(records.front()), before());
        writer_.sync();
        index_.restart_after(entry);
        while (writer_.segments().size() > 1) writer_.remove_oldest(false);
        recovered_.before_first = recovered_.last = entry;
        recovered_.term_starts.clear();
        recovered_.configurations.clear();
        recovered_.committed = {};
        if (recovered_.hard_state.term < entry.term) recovered_.hard_state = {entry.term, NodeId{}};
        return true;
    }

    std::vector<Batch> read(LogIndex from, std::uint64_t bytes_max) override {
        CHECK(!writer_.staged(), "what is read must be on disk");
        std::vector<Batch> batches;
        std::uint64_t bytes = 0;
        for (auto it = index_.find(from); it != index_.end() && bytes <= bytes_max; ++it) {
            batches.push_back(reader_.read(*it));
            bytes += batches.back().bytes();
        }
        return batches;
    }

private:
    bool may_drop_oldest(LogIndex flushed) const {
        const auto& segments = writer_.segments();
        return segments.size() > 1 && segments[1].before.index <= flushed;
    }
    bool keeps_too_much(LogIndex flushed) const {
        std::uint64_t bytes = 0;
        for (const SegmentStart& segment : writer_.segments()) bytes += segment.bytes;
        const LogIndex kept_after = writer_.segments().front().before.index;
        return bytes > options_.keep_bytes ||
               flushed.distance_from(kept_after) > options_.keep_entries;
    }

    LogWriter::Before before() const { return {index_.last(), hard_state_}; }

    void place(const BatchHeader& header, RecordParts record) {
        const auto bytes = static_cast<std::uint32_t>(record.bytes());
        const LogWriter::Place place = writer_.place(std::move(record), before());
        index_.add({.first = header.first,
                    .term = header.term,
                    .segment = place.segment,
                    .count = header.count,
                    .offset = static_cast<std::uint32_t>(place.offset),
                    .bytes = bytes});
    }

    Disk& disk_;
    const LogOptions options_;
    RecoveredLog recovered_;
    BatchIndex index_;      // with what is staged
    HardState hard_state_;  // as saved or staged
    LogWriter writer_;
    LogReader reader_;
};

}  // namespace

Result<std::unique_ptr<Log>> Log::open(Disk& disk, const LogOptions& options) {
    Result<Recovery> recovery = recover_log(disk, options);
    if (!recovery) return recovery.error();
    return std::unique_ptr<Log>(
        std::make_unique<SegmentedLog>(disk, options, std::move(recovery.value())));
}

}  // namespace raftbus
