// snapshot_files: a directory as bytes and back: the snapshot of a state that lives in files.
//
// Owns: the two directories, the one that is sent and the one that is being received, which are
// removed with their objects. The bytes are a list of files, then their contents, one after the
// other; docs/log-format.md has the table.
// Must not know: what the files hold.
#pragma once

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "messages/result.hpp"
#include "storage/snapshot.hpp"

namespace raftbus {

// Removes the directory with all that is in it, if it is there. Errors: throws DiskFailed.
void remove_directory(const std::string& directory);
// Errors: throws DiskFailed.
void move_directory(const std::string& from, const std::string& to);
// What was made, renamed or removed in it is durable when this returns. Errors: throws DiskFailed.
void sync_directory(const std::string& directory);

// The files of a directory that nobody changes, in the order of their names.
class DirectorySnapshot final : public Snapshot {
public:
    // Looks at a file, by its path, before any of its bytes are handed out; throws StateDamaged.
    using Verify = std::function<void(const std::string& file)>;
    DirectorySnapshot(std::string directory, EntryId last, Verify verify = {});
    ~DirectorySnapshot() override;

    EntryId last() const override { return last_; }
    std::uint64_t size() const override { return size_; }
    std::string read(std::uint64_t offset, std::size_t count) override;

private:
    struct Part {
        std::uint64_t begin;  // in the snapshot
        std::uint64_t size;
        std::string path;
        bool verified = false;
    };
    void read_part(Part& part, std::uint64_t from, std::size_t count, std::string& out);

    const std::string directory_;
    const EntryId last_;
    const Verify verify_;
    std::string list_;
    std::vector<Part> parts_;
    std::uint64_t size_ = 0;
    std::ifstream file_;  // the one that was read last
    std::string open_;    // its path
};

class DirectoryIntake final : public IncomingSnapshot {
public:
    // Makes the directory, empty.
    explicit DirectoryIntake(std::string directory);
    ~DirectoryIntake() override;

    bool append(std::string_view bytes) override;
    // All files are there, and durable. The error says what is wrong with the bytes.
    Status finish();
    const std::string& directory() const { return directory_; }

private:
    struct Part {
        std::string name;
        std::uint64_t size;
    };
    bool parse_list();
    bool fill(std::string_view& bytes);

    const std::string directory_;
    std::string list_;  // as far as it has come in
    bool listed_ = false;
    std::string wrong_;  // with the list; empty: nothing
    std::vector<Part> parts_;
    std::size_t part_ = 0;       // the one that is being written
    std::uint64_t written_ = 0;  // of it
    std::ofstream file_;
};

}  // namespace raftbus
