// kv_layers: the state as layers, the newest on top: a table of what changed since the last flush,
// the frozen table that a flush is writing down, if one is, and a durable base. Reads look through
// all.
//
// Beside keys, the base holds notes: small records by name, which are read at start and then kept
// in memory.
//
// Owns: the tables, when a flush is worth it, and that commands touch nothing but the top one.
// Must not know: what the base is.
#pragma once

#include <memory>

#include "storage/kv_execute.hpp"
#include "storage/kv_scan.hpp"
#include "storage/kv_state.hpp"
#include "storage/kv_table.hpp"

namespace raftbus {

// The durable layer. Errors: throws DiskFailed.
class KvBase {
public:
    virtual ~KvBase() = default;

    // None if the key is not there. The view is valid until the next call.
    virtual std::optional<KvFound> find(std::string_view key) = 0;
    // Over the query's range, which is not empty. Neither `query` nor the base may go before the
    // cursor.
    virtual std::unique_ptr<KvCursor> cursor(const ScanQuery& query) = 0;
    // About how many keys there are.
    virtual std::uint64_t keys() = 0;
    // Calls `use` for each note whose name begins with `space`.
    using UseNote = std::function<void(std::string_view name, std::string_view content)>;
    virtual void each_note(char space, const UseNote& use) = 0;

    // Adds what the table and its notes say, and the progress, in one atomic step: a crash leaves
    // all of it or nothing. Durable when it returns. May run on another thread than the other
    // members, at the same time; the file is written from the table, which nobody changes
    // meanwhile.
    // False: no room on the disk, and nothing has changed.
    virtual bool write(const KvTable& table, const KvProgress& progress) = 0;

    // See KvState.
    virtual std::shared_ptr<Snapshot> snapshot() = 0;
    virtual std::unique_ptr<IncomingSnapshot> receive() = 0;
    // The error says why what was received is not a state up to `last`.
    virtual Status install(IncomingSnapshot& snapshot, EntryId last) = 0;
    virtual bool installed() const = 0;
    // What was written or installed last.
    virtual KvProgress progress() = 0;
};

struct KvLayersOptions {
    std::uint64_t flush_bytes = 48 << 20;  // of memory in the table, before a flush is wanted
    std::uint64_t replay_bytes = 256
                                 << 20;  // or of batches that a restart would have to apply again
    std::uint64_t replay_entries = 10'000'000;  // or so many entries
    FootnoteLimits footnotes;
    SessionLimits sessions;  // the same on all nodes
};

class KvLayers : public KvState, private CommandTarget {
public:
    // Errors: throws DiskFailed.
    KvLayers(std::shared_ptr<KvBase> base, const KvLayersOptions& options);

    void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) override;
    void tell_changes_to(ChangeSink* sink) override { changes_ = sink; }
    const Footnotes& footnotes() const override { return parts_.footnotes; }
    void log_begins_at(LogIndex first) override { parts_.footnotes.cut_before(first); }
    EntryId applied() const override { return parts_.progress.applied; }
    const StoredConfiguration& configuration() const override {
        return parts_.progress.configuration;
    }
    std::uint64_t digest() const override { return parts_.progress.digest; }
    WallTime clock() const override { return parts_.progress.clock; }
    std::optional<WallTime> due() const override { return parts_.expiries.next(); }
    // Approximate: a set counts as a new key unless the newest table knows it, until the base has
    // merged it with what it had.
    std::uint64_t keys() const override;
    std::optional<Item> get(std::string_view key) override;
    ScanAnswer scan(const ScanQuery& query) override;
    void expect(std::span<const std::string_view> keys) override { table_.expect(keys); }

    bool wants_flush() const override;
    // The work keeps the base and the frozen table alive, not this object.
    std::function<void()> begin_flush() override;
    bool end_flush() override;
    std::function<void()> leftovers() override;
    EntryId flushed() const override { return flushed_; }

    std::function<std::shared_ptr<Snapshot>()> begin_snapshot() override;
    std::unique_ptr<IncomingSnapshot> receive_snapshot() override { return base_->receive(); }
    std::function<Status()> begin_install(std::unique_ptr<IncomingSnapshot> snapshot,
                                          EntryId last) override;
    void end_install(bool installed) override;
    bool installed() const override { return base_->installed(); }

private:
    std::optional<KvFound> find(std::string_view key) override;
    WallTime set(std::string_view key, std::string_view value, std::uint64_t revision,
                 WallTime expires_at) override;
    WallTime erase(std::string_view key) override;
    void freeze();
    void load();
    void load_notes();

    const KvLayersOptions options_;
    const std::shared_ptr<KvBase> base_;
    EntryId flushed_;

    KvTable table_;
    KvParts parts_;
    std::uint64_t replay_bytes_ = 0;  // of batches applied to table_
    ChangeSink* changes_ = nullptr;

    std::shared_ptr<const KvTable> frozen_;  // null: no flush is under way, nor put off
    KvProgress frozen_progress_;
    std::shared_ptr<bool> written_;  // what became of the work, which may outlive this object
    std::shared_ptr<const KvTable> retired_;  // what the last flush wrote
};

}  // namespace raftbus
