// liars_states: states that apply or flush something else than they say.
#include <map>
#include <utility>

#include "sim/sim_base.hpp"
#include "storage/command.hpp"
#include "storage/kv_forwarding.hpp"
#include "storage/kv_layers.hpp"
#include "tests/planted/bug.hpp"
#include "tests/planted/liar.hpp"

namespace raftbus::planted {
namespace {

// A durable layer under the layers of production, which writes something else than it is told.
class LyingBase : public KvBase {
public:
    std::optional<KvFound> find(std::string_view key) override { return base_.find(key); }
    std::unique_ptr<KvCursor> cursor(const ScanQuery& query,
                                     std::uint64_t hidden_max) override {
        return base_.cursor(query, hidden_max);
    }
    std::optional<std::string> next_key(const std::string& from,
                                        const std::optional<std::string>& end) override {
        return base_.next_key(from, end);
    }
    std::uint64_t keys() override { return base_.keys(); }
    void each_note(char space, const UseNote& use) override { base_.each_note(space, use); }
    KvProgress progress() override { return base_.progress(); }
    std::shared_ptr<Snapshot> snapshot() override { return base_.snapshot(); }
    std::unique_ptr<IncomingSnapshot> receive() override { return base_.receive(); }
    Status install(IncomingSnapshot& snapshot, EntryId last,
                   std::optional<std::uint64_t> digest) override {
        return base_.install(snapshot, last, digest);
    }
    bool installed() const override { return base_.installed(); }

protected:
    sim::SimBase base_;
};

template <class Base>
class FlushLiar : public sim::Tamper {
    using Tamper::wrap;
    std::unique_ptr<KvState> wrap(NodeId node, std::unique_ptr<KvState>) override {
        std::shared_ptr<Base>& base = bases_[node];
        if (!base) base = std::make_shared<Base>();
        return std::make_unique<KvLayers>(
            base, KvLayersOptions{.flush_bytes = 1 << 20, .replay_bytes = 4'000});
    }
    std::map<NodeId, std::shared_ptr<Base>> bases_;  // they outlive processes
};

// The keys are flushed, and how far they are applied is not.
class FlushWithoutIndex : public LyingBase {
    bool write(const KvTable& table, const KvProgress& progress) override {
        return base_.write(table, std::exchange(before_, progress));
    }
    KvProgress before_;  // of the flush before
};

// How far the keys are applied is flushed, and they are not.
class IndexWithoutFlush : public LyingBase {
    bool write(const KvTable&, const KvProgress& progress) override {
        return base_.write(KvTable(), progress);
    }
};

// A flush writes the first half of the keys.
class HalfAFlush : public LyingBase {
    bool write(const KvTable& table, const KvProgress& progress) override {
        KvTable half;
        std::size_t left = table.entries().size() / 2;
        for (const auto& [key, entry] : table.entries()) {
            if (left-- == 0) break;
            if (const KvTable::Record* record = entry->record)
                half.set(key.view(), record->value(), record->revision);
            else
                half.erase(key.view());
        }
        return base_.write(half, progress);
    }
};

// The batch, with its commands from number `from` on replaced by some that do nothing.
Batch with_no_ops(const Batch& batch, std::uint32_t from) {
    if (batch.header.kind != BatchKind::commands) return batch;
    std::string body;
    CommandReader reader(batch.body.view());
    for (std::uint32_t i = 0; i < batch.header.count; ++i) {
        const Result<Command> command = reader.next();
        append_command(body, i < from ? command.value() : Command{});
    }
    return {batch.header, SharedBytes::own(std::move(body))};
}

// All nodes alike carry out the first half of every batch.
class HalfApplied : public KvForwarding {
public:
    using KvForwarding::KvForwarding;
    void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) override {
        KvForwarding::apply(with_no_ops(batch, (batch.header.count + 1) / 2), outcomes);
    }
};

// The first batch after a start is counted and not carried out.
class SkippedAfterStart : public KvForwarding {
public:
    using KvForwarding::KvForwarding;
    void apply(const Batch& batch, std::vector<CommandOutcome>* outcomes) override {
        const bool skipped = !started_ && batch.header.kind == BatchKind::commands;
        started_ = started_ || skipped;
        KvForwarding::apply(skipped ? with_no_ops(batch, 0) : batch, outcomes);
    }

private:
    bool started_ = false;
};

template <class S>
class StateLiar : public sim::Tamper {
    using Tamper::wrap;
    std::unique_ptr<KvState> wrap(NodeId, std::unique_ptr<KvState> state) override {
        return std::make_unique<S>(std::move(state));
    }
};

}  // namespace

std::vector<Bug> liars_of_states() {
    return {
        {"half_applied",
         "all nodes carry out the first half of a batch",
         "state",
         50,
         {},
         make<StateLiar<HalfApplied>>},
        {"skipped_after_start",
         "the first batch after a start is not carried out",
         "state",
         50,
         {},
         make<StateLiar<SkippedAfterStart>>},
        {"flush_without_index",
         "a flush does not say how far it goes: commands run twice",
         "state",
         50,
         {},
         make<FlushLiar<FlushWithoutIndex>>},
        {"index_without_flush",
         "the applied index is flushed and the keys are not",
         "state",
         50,
         {},
         make<FlushLiar<IndexWithoutFlush>>},
        {"half_a_flush",
         "a flush is not atomic: a crash leaves half of it",
         "state",
         50,
         {},
         make<FlushLiar<HalfAFlush>>},
    };
}

}  // namespace raftbus::planted
