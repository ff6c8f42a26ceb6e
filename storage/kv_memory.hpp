// kv_memory: the state in one ordered table in memory. For the simulator: nothing survives a
// restart, and the log is replayed from its start.
//
// Owns: the keys and values.
#pragma once

#include <absl/container/btree_map.h>

#include <string>

#include "storage/kv_execute.hpp"
#include "storage/kv_state.hpp"

namespace raftbus {

class KvMemory final : public KvState, private CommandTarget {
public:
    void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) override;
    EntryId applied() const override { return parts_.progress.applied; }
    const StoredConfiguration& configuration() const override {
        return parts_.progress.configuration;
    }
    std::uint64_t digest() const override { return parts_.progress.digest; }
    WallTime clock() const override { return parts_.progress.clock; }
    std::optional<WallTime> due() const override { return parts_.expiries.next(); }
    // Exact.
    std::uint64_t keys() const override { return table_.size(); }
    std::optional<Item> get(std::string_view key) override;
    ScanAnswer scan(const ScanQuery& query) override;

    // There is nothing to flush to.
    bool wants_flush() const override { return false; }
    std::function<void()> begin_flush() override;
    void end_flush() override {}
    EntryId flushed() const override { return {}; }
    // Nor to make snapshots of.
    std::function<std::shared_ptr<Snapshot>()> begin_snapshot() override;
    std::unique_ptr<IncomingSnapshot> receive_snapshot() override;
    std::function<Status()> begin_install(std::unique_ptr<IncomingSnapshot>, EntryId) override;
    void end_install(bool) override {}
    bool installed() const override { return false; }

private:
    struct Record {
        std::uint64_t revision = 0;
        WallTime expires_at;  // 0: never
        std::string value;
    };

    std::optional<KvFound> find(std::string_view key) override;
    WallTime set(std::string_view key, std::string_view value, std::uint64_t revision,
                 WallTime expires_at) override;
    WallTime erase(std::string_view key) override;

    absl::btree_map<std::string, Record, std::less<>> table_;
    KvParts parts_;
};

}  // namespace raftbus
