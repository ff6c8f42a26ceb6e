// state_copy: the cluster's state as files of one's own, from a running node or from a backup.
//
// Owns: the way of the pieces, and a temporary directory, which goes with the object. Must not
// know: what is done with it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/backup_file.hpp"
#include "cli/verb.hpp"
#include "storage/kv_archive.hpp"

namespace raftbus::cli {

// Reads a backup from the cluster piece by piece: everything that was acknowledged before the call
// is in it. `begin` hears of it first, then `add` gets its bytes. Throws Failure.
void fetch_backup(Session& session, const std::function<void(const BackupHead&)>& begin,
                  const std::function<void(std::string_view)>& add);

class StateCopy {
public:
    // Both show progress, and throw Failure. `--tmp` says where the files go.
    static StateCopy fetched(Session& session);
    // Checks the file as a whole: bytes, blocks, records.
    static StateCopy unpacked(Session& session, const std::string& path);

    const BackupHead& head() const { return head_; }
    const ArchiveCounts& counts() const { return counts_; }
    KvArchive& archive() const { return *archive_; }

private:
    explicit StateCopy(Session& session);
    void open(Session& session, const std::string& what);

    std::unique_ptr<DirectoryIntake> files_;
    BackupHead head_;
    std::unique_ptr<KvArchive> archive_;  // over files_
    ArchiveCounts counts_;
};

extern const OptionSpec kTmpOption;

}  // namespace raftbus::cli
