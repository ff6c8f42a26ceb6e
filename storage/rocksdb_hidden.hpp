// rocksdb_hidden: how many entries one step of a RocksDB iterator passed over: deletions, and what
// newer ones hide.
#pragma once

#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>

#include <cstdint>

namespace raftbus {

// Counts from its making to its end. RocksDB counts for the thread alone, and only while told to.
class HiddenCount {
public:
    explicit HiddenCount(std::uint64_t& hidden) : hidden_(hidden) {
        rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
        before_ = counted();
    }
    ~HiddenCount() {
        hidden_ = counted() - before_;
        rocksdb::SetPerfLevel(level_);
    }
    HiddenCount(const HiddenCount&) = delete;
    HiddenCount& operator=(const HiddenCount&) = delete;

private:
    static std::uint64_t counted() {
        const rocksdb::PerfContext& context = *rocksdb::get_perf_context();
        return context.internal_delete_skipped_count + context.internal_key_skipped_count;
    }

    std::uint64_t& hidden_;
    const rocksdb::PerfLevel level_ = rocksdb::GetPerfLevel();
    std::uint64_t before_ = 0;
};

}  // namespace raftbus
