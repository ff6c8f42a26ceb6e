// kv_forwarding: a state that does as the one beneath: for those that do one thing otherwise.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "storage/kv_state.hpp"

namespace raftbus {

class KvForwarding : public KvState {
public:
    explicit KvForwarding(std::unique_ptr<KvState> state) : state_(std::move(state)) {}

    void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) override {
        state_->apply(batch, outcomes);
    }
    void tell_changes_to(ChangeSink* sink) override { state_->tell_changes_to(sink); }
    const Footnotes& footnotes() const override { return state_->footnotes(); }
    void log_begins_at(LogIndex first) override { state_->log_begins_at(first); }
    const std::string& damage() const override { return state_->damage(); }
    EntryId applied() const override { return state_->applied(); }
    const StoredConfiguration& configuration() const override { return state_->configuration(); }
    std::uint64_t digest() const override { return state_->digest(); }
    WallTime clock() const override { return state_->clock(); }
    std::optional<WallTime> due() const override { return state_->due(); }
    std::uint64_t keys() const override { return state_->keys(); }
    std::optional<Item> get(std::string_view key) override { return state_->get(key); }
    ScanAnswer scan(const ScanQuery& query) override { return state_->scan(query); }
    void expect(std::span<const std::string_view> keys) override { state_->expect(keys); }
    bool wants_flush() const override { return state_->wants_flush(); }
    std::function<void()> begin_flush() override { return state_->begin_flush(); }
    bool end_flush() override { return state_->end_flush(); }
    std::function<void()> leftovers() override { return state_->leftovers(); }
    EntryId flushed() const override { return state_->flushed(); }
    std::function<std::shared_ptr<Snapshot>()> begin_snapshot() override {
        return state_->begin_snapshot();
    }
    std::unique_ptr<IncomingSnapshot> receive_snapshot() override {
        return state_->receive_snapshot();
    }
    std::function<Status()> begin_install(std::unique_ptr<IncomingSnapshot> snapshot,
                                          EntryId last,
                                          std::optional<std::uint64_t> digest) override {
        return state_->begin_install(std::move(snapshot), last, digest);
    }
    void end_install(bool installed) override { state_->end_install(installed); }
    bool installed() const override { return state_->installed(); }

private:
    const std::unique_ptr<KvState> state_;
};

}  // namespace raftbus
