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
    // Told, from any thread, that a file of the state could not be written, for another reason than want
    // of room: cause and next step. A node ends then. If it returns, the error takes its way through
    // RocksDB, which may end the process by an assertion of its own.
    std::function<void(const std::string& what)> failed;
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
