// sim_base: the durable layer of a node's state in memory: what a flush wrote is there after a
// crash, whole, and nothing else is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "storage/kv_layers.hpp"

namespace raftbus::sim {

class SimBase final : public KvBase {
public:
    // `room`: asked before each flush.
    explicit SimBase(std::function<bool()> room = [] { return true; }) : room_(std::move(room)) {}

    std::optional<KvFound> find(std::string_view key) override;
    std::unique_ptr<KvCursor> cursor(const ScanQuery& query,
                                     std::uint64_t hidden_max) override;
    std::optional<std::string> next_key(const std::string& from,
                                        const std::optional<std::string>& end) override;
    std::uint64_t keys() override { return records_.size(); }
    void each_note(char space, const UseNote& use) override;
    bool write(const KvTable& table, const KvProgress& progress) override;

    KvProgress progress() override { return progress_; }

    std::shared_ptr<Snapshot> snapshot() override;
    std::unique_ptr<IncomingSnapshot> receive() override;
    Status install(IncomingSnapshot& snapshot, EntryId last,
                   std::optional<std::uint64_t> digest) override;
    bool installed() const override { return installed_; }

private:
    struct Record {
        std::string value;
        std::uint64_t revision = 0;
        WallTime expires_at;
    };
    using Records = std::map<std::string, Record, std::less<>>;
    class Cursor;

    class Copy;
    class Intake;

    std::string to_bytes() const;
    Status from_bytes(std::string_view bytes, EntryId last);

    const std::function<bool()> room_;
    Records records_;
    std::map<std::string, std::string> notes_;
    KvProgress progress_;
    bool installed_ = false;  // and nothing written since
};

}  // namespace raftbus::sim
