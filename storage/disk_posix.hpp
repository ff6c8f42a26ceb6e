// disk_posix: the disk interface on a directory of a POSIX file system.
//
// Owns: the directory's lock, its files, the file that holds room in reserve, and one background
// task that makes zeroed files ahead. Must not know: what the files hold.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "messages/result.hpp"
#include "storage/disk.hpp"

namespace raftbus {

// Holds room in reserve; nothing of its content counts.
inline constexpr const char* kReserveFile = "reserve";

struct PosixDiskOptions {
    std::uint64_t reserve_bytes = 0;  // held in reserve, as far as there is room for them
    bool direct_appends = true;       // past the page cache, where the file system can
};

// Opens the directory, made with its parents if it is not there, and locks it until the Disk is
// destroyed. Files may be used from one thread at a time. The error says what is in the way: another
// process that holds the lock, by its id where it is known; permissions; something that is no
// directory.
Result<std::unique_ptr<Disk>> open_posix_disk(const std::string& directory,
                                              const PosixDiskOptions& options = {});

// Opens a directory to look at it: no byte of it is changed, and what would do so is a bug
// (CHECKed). Locked all the same, so that no node starts on it meanwhile. Errors: see above.
Result<std::unique_ptr<Disk>> open_disk_to_read(const std::string& directory);

}  // namespace raftbus
