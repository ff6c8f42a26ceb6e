// log_reader: batches read back from the segments, checked again.
//
// Owns: one open file, the last one that was read from. Must not know: the index, what is synced.
#pragma once

#include <cstdint>
#include <memory>

#include "messages/batch.hpp"
#include "storage/batch_index.hpp"
#include "storage/disk.hpp"

namespace raftbus {

class LogReader {
public:
    LogReader(Disk& disk, std::uint64_t identity) : disk_(disk), identity_(identity) {}

    // Throws DiskFailed if the record is not there intact.
    Batch read(const BatchLocation& location);

private:
    Disk& disk_;
    const std::uint64_t identity_;
    std::unique_ptr<DiskFile> file_;  // of segment_; null at first
    std::uint64_t segment_ = 0;
};

}  // namespace raftbus
