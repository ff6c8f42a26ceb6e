// state_files: the file system as RocksDB gets it.
//
// Owns: what becomes of a write that fails: where its own assertions are built in, as in Debian's, RocksDB
// ends the process without a word after some of them, and in threads of its own it tells nobody. Hard links
// that a file system does not have: RocksDB copies then. Must not know: what the files hold.
#pragma once

#include <rocksdb/file_system.h>

#include <functional>
#include <memory>
#include <string>

namespace raftbus {

// `failed` is told, in whatever thread it happens, of each write, sync, truncation, rename or new file that
// fails otherwise than for want of room, before RocksDB is. It need not return.
std::shared_ptr<rocksdb::FileSystem> make_state_files(
    std::function<void(const std::string& what)> failed);

// True of an error of link(2) after which copying is worth a try.
bool has_no_links(int error);

}  // namespace raftbus
