#include "storage/state_directory.hpp"

#include <filesystem>
#include <system_error>

#include "storage/disk.hpp"
#include "storage/snapshot_files.hpp"

namespace raftbus::state_directory {
namespace {

namespace fs = std::filesystem;

// What an installation or a snapshot left that was under way.
void restore_after_crash(const std::string& directory, std::error_code& error) {
    const std::string old = directory + std::string(kOldSuffix);
    if (!fs::exists(directory) && fs::exists(old)) fs::rename(old, directory, error);
    for (const std::string_view suffix : {kOldSuffix, kIncomingSuffix})
        if (!error) fs::remove_all(directory + std::string(suffix), error);
    const fs::path path = directory;
    const std::string snapshot = path.filename().string() + std::string(kSnapshotSuffix);
    std::error_code none;  // a parent that is not there yet holds no leftovers
    for (const auto& entry : fs::directory_iterator(path.parent_path(), none))
        if (!error && entry.path().filename().string().starts_with(snapshot))
            fs::remove_all(entry.path(), error);
}

// RocksDB's own logs of earlier starts: it begins one each time, never writes to it, and lets it lie. One
// that is not empty is its own affair.
void remove_empty_logs(const fs::path& directory, std::error_code& error) {
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        if (entry.path().extension() != ".log" || entry.file_size(error) != 0 || error) continue;
        fs::remove(entry.path(), error);
    }
}

}  // namespace

std::string inaccessible(const std::string& directory, const std::string& cause) {
    return "the state in " + directory + " can not be read or written: " + cause +
           "; check that the disk works and has room, that this user may write there, and that no"
           " other node runs on that directory";
}

Status prepare(const std::string& directory) {
    std::error_code error;
    const fs::path path = fs::absolute(directory, error);
    if (!error) restore_after_crash(path.string(), error);
    if (!error) fs::create_directories(path, error);
    if (!error) fs::remove(path / kFlushFile, error);
    if (!error) remove_empty_logs(path, error);
    if (error) return Error{inaccessible(directory, error.message())};
    try {
        sync_directory(path.parent_path().string());
    } catch (const DiskFailed& failed) {
        return Error{inaccessible(directory, failed.what())};
    }
    return Done{};
}

}  // namespace raftbus::state_directory
