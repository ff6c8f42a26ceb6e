#include "storage/state_files.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace raftbus {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using Failed = std::function<void(const std::string&)>;

// For want of room RocksDB has ways of its own, and so have its callers; what it may do without is not
// missed; a file that is not there is for it to judge.
IOStatus told(IOStatus status, const Failed& failed) {
    if (status.IsIOError() && !status.IsNoSpace() && !status.IsPathNotFound() && failed)
        failed(status.ToString());
    return status;
}

class File final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, const Failed& failed)
        : FSWritableFileOwnerWrapper(std::move(file)), failed_(failed) {}

    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::Append(data, options, debug), failed_);
    }
    IOStatus Append(const Slice& data, const IOOptions& options,
                    const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::Append(data, options, info, debug), failed_);
    }
    IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                              IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug),
                    failed_);
    }
    IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& options,
                              const rocksdb::DataVerificationInfo& info,
                              IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, info, debug),
                    failed_);
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::Truncate(size, options, debug), failed_);
    }
    IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::Close(options, debug), failed_);
    }
    IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::Flush(options, debug), failed_);
    }
    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::Sync(options, debug), failed_);
    }
    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::Fsync(options, debug), failed_);
    }
    IOStatus RangeSync(std::uint64_t offset, std::uint64_t bytes, const IOOptions& options,
                       IODebugContext* debug) override {
        return told(FSWritableFileOwnerWrapper::RangeSync(offset, bytes, options, debug), failed_);
    }

private:
    const Failed& failed_;  // the file system's, which outlives its files
};

class Directory final : public rocksdb::FSDirectoryWrapper {
public:
    Directory(std::unique_ptr<rocksdb::FSDirectory> directory, const Failed& failed)
        : FSDirectoryWrapper(std::move(directory)), failed_(failed) {}
    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
        return told(FSDirectoryWrapper::Fsync(options, debug), failed_);
    }
    IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                                 const rocksdb::DirFsyncOptions& more) override {
        return told(FSDirectoryWrapper::FsyncWithDirOptions(options, debug, more), failed_);
    }

private:
    const Failed& failed_;
};

class StateFiles final : public rocksdb::FileSystemWrapper {
public:
    explicit StateFiles(Failed failed)
        : FileSystemWrapper(rocksdb::FileSystem::Default()), failed_(std::move(failed)) {}

    const char* Name() const override { return "raftbus-state-files"; }

    IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext* debug) override {
        return wrapped(FileSystemWrapper::NewWritableFile(name, options, result, debug), result);
    }
    IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                std::unique_ptr<rocksdb::FSWritableFile>* result,
                                IODebugContext* debug) override {
        return wrapped(FileSystemWrapper::ReopenWritableFile(name, options, result, debug), result);
    }
    IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                               const rocksdb::FileOptions& options,
                               std::unique_ptr<rocksdb::FSWritableFile>* result,
                               IODebugContext* debug) override {
        return wrapped(FileSystemWrapper::ReuseWritableFile(name, old_name, options, result, debug),
                       result);
    }
    IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                          std::unique_ptr<rocksdb::FSDirectory>* result,
                          IODebugContext* debug) override {
        IOStatus status = FileSystemWrapper::NewDirectory(name, options, result, debug);
        if (status.ok()) *result = std::make_unique<Directory>(std::move(*result), failed_);
        return status;
    }
    IOStatus Truncate(const std::string& name, std::size_t size, const IOOptions& options,
                      IODebugContext* debug) override {
        return told(FileSystemWrapper::Truncate(name, size, options, debug), failed_);
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                        IODebugContext* debug) override {
        return told(FileSystemWrapper::RenameFile(from, to, options, debug), failed_);
    }
    // RocksDB itself takes EXDEV alone for a reason to copy.
    IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
        if (::link(from.c_str(), to.c_str()) == 0) return IOStatus::OK();
        const int error = errno;
        if (has_no_links(error)) return IOStatus::NotSupported("no hard link is possible here");
        if (error == ENOSPC || error == EDQUOT) return IOStatus::NoSpace("link", to);
        return told(IOStatus::IOError("link " + from + " to " + to, std::generic_category().message(error)),
                    failed_);
    }

private:
    IOStatus wrapped(IOStatus status, std::unique_ptr<rocksdb::FSWritableFile>* result) {
        if (status.ok()) *result = std::make_unique<File>(std::move(*result), failed_);
        return status;
    }

    const Failed failed_;
};

}  // namespace

bool has_no_links(int error) {
    return error == EPERM || error == EXDEV || error == EMLINK || error == ENOTSUP || error == EOPNOTSUPP ||
           error == ENOSYS;
}

std::shared_ptr<rocksdb::FileSystem> make_state_files(Failed failed) {
    return std::make_shared<StateFiles>(std::move(failed));
}

}  // namespace raftbus
