// backup_file: a backup as a file (docs/log-format.md).
//
// Owns: its head, its checksums, and that a file with its name is a whole one. Must not know: where
// the bytes come from, what a state's files hold.
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

#include "messages/result.hpp"
#include "storage/snapshot_files.hpp"

namespace raftbus::cli {

struct BackupHead {
    std::string cluster;
    std::uint64_t node = 0;      // whose state it is
    std::uint64_t revision = 0;  // the newest that it holds
    std::uint64_t term = 0;      // of that entry
    std::string digest;          // of the state, hex
    std::uint64_t time_us = 0;   // of the cluster, at that entry
    std::uint64_t made_ms = 0;   // when the backup was made: milliseconds since 1970
    std::uint64_t size = 0;      // bytes of the state
    std::string version;         // of the program that made it
};

inline constexpr std::uint32_t kBackupVersion = 1;

// Writes FILE.part and gives it its name when it is whole and durable; "-": stdout. Removes what it
// has begun when it goes before that. Throws Failure.
class BackupWriter {
public:
    // `out`: what "-" stands for.
    BackupWriter(std::string path, std::ostream& out) : path_(std::move(path)), out_(out) {}
    ~BackupWriter();
    BackupWriter(const BackupWriter&) = delete;
    BackupWriter& operator=(const BackupWriter&) = delete;

    void begin(const BackupHead& head);
    void add(std::string_view bytes);
    void finish();

private:
    bool to_stdout() const { return path_ == "-"; }
    void write(std::string_view bytes);

    const std::string path_;
    std::ostream& out_;
    std::ofstream file_;
    bool begun_ = false;
    std::uint64_t left_ = 0;  // of the state
    std::uint32_t crc_ = 0;
};

// Reads the head. The error says what is wrong with the file.
Result<BackupHead> read_backup_head(const std::string& path);

// Unpacks the state's files into an empty directory of theirs; checks everything that can be
// checked without opening the state. `done` hears how many bytes are behind.
Result<BackupHead> unpack_backup(const std::string& path, DirectoryIntake& into,
                                 const std::function<void(std::uint64_t, std::uint64_t)>& done);

}  // namespace raftbus::cli
