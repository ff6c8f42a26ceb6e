// kv_rotten: a state in which some keys can not be read: fault injection, for tests of what a node does
// about that.
//
// Owns: nothing but which keys; everything else is the state beneath.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "storage/command.hpp"
#include "storage/disk.hpp"
#include "storage/kv_forwarding.hpp"

namespace raftbus {

class KvRotten : public KvForwarding {
public:
    using Rotten = std::function<bool(std::string_view key)>;
    // `healed` is called when another state has taken this one's place.
    KvRotten(std::unique_ptr<KvState> state, Rotten rotten, std::function<void()> healed)
        : KvForwarding(std::move(state)), rotten_(std::move(rotten)), healed_(std::move(healed)) {}

    // A deletion looks its key up.
    void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) override {
        if (batch.header.kind == BatchKind::commands) {
            CommandReader reader(batch.body.view());
            for (std::uint32_t i = 0; i < batch.header.count; ++i) {
                const Command command = reader.next().value();
                if (command.kind == CommandKind::erase) look_at(command.key);
            }
        }
        KvForwarding::apply(batch, outcomes);
    }
    std::optional<Item> get(std::string_view key) override {
        look_at(key);
        return KvForwarding::get(key);
    }
    ScanAnswer scan(const ScanQuery& query) override {
        ScanAnswer answer = KvForwarding::scan(query);
        for (const Item& item : answer.items) look_at(item.key.view());
        return answer;
    }
    std::function<std::shared_ptr<Snapshot>()> begin_snapshot() override {
        return [this, work = KvForwarding::begin_snapshot()] {
            ScanQuery all;
            all.limit = all.bytes_max = UINT64_MAX;
            scan(all);
            return work();
        };
    }
    void end_install(bool installed) override {
        KvForwarding::end_install(installed);
        if (installed) healed_();
    }

private:
    void look_at(std::string_view key) const {
        if (rotten_(key)) throw StateDamaged("the state is damaged: a block's checksum is wrong");
    }

    const Rotten rotten_;
    const std::function<void()> healed_;
};

}  // namespace raftbus
