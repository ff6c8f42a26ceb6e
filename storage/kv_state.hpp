// kv_state: the replicated state: keys, their values and revisions. An interface with one
// implementation, layers of tables (kv_layers), over two durable bases: RocksDB (kv_rocksdb; for
// production) and the simulator's own. One conformance suite runs on both.
//
// Owns: what the commands did. Must not know: actors, terms' meaning, clocks. Time comes from batch
// headers alone, so every node computes the same.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/local.hpp"
#include "messages/result.hpp"
#include "storage/changes.hpp"
#include "storage/footnotes.hpp"
#include "storage/snapshot.hpp"
#include "storage/work.hpp"

namespace raftbus {

class KvState {
public:
    virtual ~KvState() = default;

    // Applies a batch, which must follow applied() (CHECKed). Appends one outcome per command to
    // `outcomes` unless it is null. A body that can not be decoded throws CheckFailed: gateways
    // make bodies, and CRCs guard them.
    virtual void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) = 0;

    // The same, as far as the work reaches. False: not done yet. Until it is, it is called again
    // with the same batch, and but for explorations nothing else is called than applied() and what
    // tells of its time. Outcomes come as they arise.
    virtual bool apply_some(const Batch& batch, std::vector<CommandOutcome>* outcomes, Work&) {
        apply(batch, outcomes);
        return true;
    }

    // From now on apply() tells the sink every change; null: nobody. At first nobody.
    virtual void tell_changes_to(ChangeSink* sink) = 0;
    // Of what was applied.
    virtual const Footnotes& footnotes() const = 0;
    // The log has been cut: footnotes before this are of no use any more.
    virtual void log_begins_at(LogIndex first) = 0;

    // What was found damaged when the state was opened; empty: nothing. Such a state may only be
    // replaced. Damage is found later as well: apply, get, scan and all works throw StateDamaged
    // where something can not be read as it was written; apply may then have carried out a part.
    virtual const std::string& damage() const = 0;

    // The last index applied, and the term of its entry; {0, 0} at first.
    virtual EntryId applied() const = 0;
    // The last configuration applied; index 0: none was.
    virtual const StoredConfiguration& configuration() const = 0;
    // Of all that was applied so far: equal on all nodes at equal applied(), independent of
    // flushes.
    virtual std::uint64_t digest() const = 0;
    // The newest time of the batches that were applied.
    virtual WallTime clock() const = 0;
    // The time at which the next key may expire; none if none may. It may be too early by far: a
    // key that was written since.
    virtual std::optional<WallTime> due() const = 0;
    // About how many keys there are; for display.
    virtual std::uint64_t keys() const = 0;

    // The key's value and revision; none if it is not there. `Item::key` is left empty.
    virtual std::optional<Item> get(std::string_view key) = 0;
    virtual ScanAnswer scan(const ScanQuery& query) = 0;
    // The same, as far as the work reaches: it may end early and say `more`, with an item at least.
    // None: not done yet; ask again, which then takes less.
    virtual std::optional<ScanAnswer> scan_some(const ScanQuery& query, Work&) {
        return scan(query);
    }
    // Work for another thread without which the scan, or apply_some(), that was not done would come
    // no further. Empty: there is none. It may run while everything else goes on but an
    // installation; end_explore() is to be called when it has returned.
    virtual std::function<void()> begin_explore() { return {}; }
    virtual void end_explore() {}
    // These keys are asked for next. Changes nothing but how soon they are found.
    virtual void expect(std::span<const std::string_view> keys) = 0;

    // True when enough has gathered in memory for a flush to be worth it and none is under way.
    virtual bool wants_flush() const = 0;
    // Freezes what is in memory and returns the work that makes it durable, together with
    // applied(). The work may run on another thread while apply, get and scan go on; it throws
    // DiskFailed.
    virtual std::function<void()> begin_flush() = 0;
    // To be called when the work has returned. False: there was no room on the disk, and nothing
    // was written; begin_flush() tries the same again, which may be put off.
    virtual bool end_flush() = 0;
    // Work that gives back the memory which a flush has left: tens of milliseconds for another
    // thread, at any time. Empty: nothing is left.
    virtual std::function<void()> leftovers() = 0;
    // What a restart would find: the applied index of the last finished flush.
    virtual EntryId flushed() const = 0;

    // ---- snapshots. The works may run on another thread while apply, get and scan go on, but
    // neither a flush's nor one another's; they throw DiskFailed.

    // Work that makes a snapshot of what was flushed last. Null: no room on the disk.
    virtual std::function<std::shared_ptr<Snapshot>()> begin_snapshot() = 0;
    // For a snapshot that another node's state made.
    virtual std::unique_ptr<IncomingSnapshot> receive_snapshot() = 0;
    // Work that puts what was received in this state's place, durably and in one step: a crash
    // leaves the one or the other. Returns why it can not be used; then nothing has changed. No
    // work of a flush is under way, and until end_install() nothing else is called but applied(),
    // digest() and flushed(). All that was received is read and verified first. `digest`: what the
    // state has at `last`, if that is known.
    virtual std::function<Status()> begin_install(std::unique_ptr<IncomingSnapshot> snapshot,
                                                  EntryId last,
                                                  std::optional<std::uint64_t> digest = {}) = 0;
    // To be called when the work has returned, with what it returned.
    virtual void end_install(bool installed) = 0;
    // What is flushed was installed, and nothing has been flushed since: the log may not have heard
    // of it yet.
    virtual bool installed() const = 0;
};

}  // namespace raftbus
