// kv_subject: a state to be tested, in memory or over RocksDB, with flushes at all moments.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/sim_base.hpp"
#include "storage/kv_rocksdb.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/temp_directory.hpp"

namespace raftbus::testing {

enum class Kind {
    memory,
    rocksdb,              // all in the table
    rocksdb_flushed,      // all but the newest batch is beneath
    rocksdb_three_layers  // a flush is always under way: frozen, then written, then ended
};

inline std::string name_of(const ::testing::TestParamInfo<Kind>& info) {
    switch (info.param) {
        case Kind::memory:
            return "Memory";
        case Kind::rocksdb:
            return "RocksDb";
        case Kind::rocksdb_flushed:
            return "RocksDbFlushed";
        case Kind::rocksdb_three_layers:
            return "RocksDbThreeLayers";
    }
    return {};
}

// A state that flushes as its kind says, and counts the log's indexes.
class Subject {
public:
    explicit Subject(Kind kind) : kind_(kind) {
        if (kind == Kind::memory) {
            state_ =
                std::make_unique<KvLayers>(std::make_shared<sim::SimBase>(), KvLayersOptions{});
        } else {
            state_ = std::move(KvRocksdb::open(directory_.path(), {}).value());
        }
    }

    std::vector<CommandOutcome> apply(const std::vector<Command>& commands) {
        flush();
        std::vector<CommandOutcome> outcomes;
        Batch batch = batch_of(next(), Term(1), commands);
        batch.header.time = time_;
        state_->apply(batch, &outcomes);
        return outcomes;
    }
    CommandOutcome apply(const Command& command) { return apply(std::vector{command}).at(0); }
    void apply_no_op_entry() {
        flush();
        Batch batch = no_op_batch(next(), Term(1));
        batch.header.time = time_;
        state_->apply(batch, nullptr);
    }

    // "value@revision", or "-".
    std::string get(std::string_view key) {
        const std::optional<Item> item = state_->get(key);
        if (!item) return "-";
        EXPECT_TRUE(item->key.empty());
        return std::string(item->value.view()) + "@" + std::to_string(item->revision);
    }
    // "key=value@revision key=value@revision ..."; more to come: "..." at the end.
    std::string scan(const ScanQuery& query) {
        const ScanAnswer answer = state_->scan(query);
        std::string text;
        for (const Item& item : answer.items)
            text += std::string(item.key.view()) + "=" + std::string(item.value.view()) + "@" +
                    std::to_string(item.revision) + " ";
        return text + (answer.more ? "..." : "");
    }

    // What is applied from now on bears that time, in milliseconds.
    void at_ms(std::int64_t time_ms) { time_ = WallTime(time_ms * 1'000); }
    // Writes down all that was applied, and begins anew with that. Not in memory.
    void restart() {
        CHECK(kind_ != Kind::memory);
        for (; step_ % 3 != 0; flush()) {
        }
        state_->begin_flush()();
        state_->end_flush();
        work_ = nullptr;  // it keeps the files open
        state_.reset();
        state_ = std::move(KvRocksdb::open(directory_.path(), {}).value());
    }

    LogIndex next() const { return state_->applied().index.next(); }
    KvState& operator*() { return *state_; }
    KvState* operator->() { return state_.get(); }

private:
    void flush() {
        switch (kind_) {
            case Kind::rocksdb:
                return;
            case Kind::memory:  // the simulator's base, too
            case Kind::rocksdb_flushed:
                state_->begin_flush()();
                state_->end_flush();
                return;
            case Kind::rocksdb_three_layers:
                if (step_ % 3 == 0) work_ = state_->begin_flush();
                if (step_ % 3 == 1) work_();
                if (step_ % 3 == 2) state_->end_flush();
                ++step_;
                return;
        }
    }

    const Kind kind_;
    TempDirectory directory_;
    std::unique_ptr<KvState> state_;
    std::function<void()> work_;
    int step_ = 0;
    WallTime time_;
};

inline ScanQuery range(std::string_view start, std::optional<std::string_view> end) {
    ScanQuery query;
    query.start = SharedBytes::copy(start);
    if (end) query.end = SharedBytes::copy(*end);
    query.limit = 1000;
    query.bytes_max = 1 << 20;
    return query;
}

}  // namespace raftbus::testing
