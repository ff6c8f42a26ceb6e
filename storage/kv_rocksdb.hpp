// kv_rocksdb: the state for production: tables in memory over RocksDB.
//
// Owns: a directory, which it shares with nobody.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "messages/result.hpp"
#include "storage/kv_layers.hpp"

namespace raftbus {

struct KvRocksdbOptions {
    KvLayersOptions layers;
    std::uint64_t block_cache_bytes = 32 << 20;  // of blocks, indexes and filters read from disk
    int open_files_max = 256;
    // Called when the disk is full, from any thread: gives up room that was kept aside, for a start
    // all of it. True if there was some.
    std::function<bool(bool start)> make_room = [](bool) { return false; };
};

class KvRocksdb final : public KvLayers {
public:
    // Opens what the last finished flush left in `directory`, or makes it with its parents. What an
    // unfinished flush left is removed. The error names the directory, the cause and the next step.
    static Result<std::unique_ptr<KvRocksdb>> open(const std::string& directory,
                                                   const KvRocksdbOptions& options);

private:
    using KvLayers::KvLayers;
};

}  // namespace raftbus
