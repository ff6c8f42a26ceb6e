// disk_to_read: a data directory that is looked at and nothing else.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "messages/check.hpp"
#include "storage/disk_posix.hpp"

namespace raftbus {
namespace {

namespace fs = std::filesystem;

class ReadFile final : public DiskFile {
public:
    explicit ReadFile(const fs::path& path) : path_(path), file_(path, std::ios::binary) {
        std::error_code error;
        size_ = fs::file_size(path, error);
        if (error || !file_) throw DiskFailed("can not read " + path.string());
    }
    std::uint64_t size() const override { return size_; }
    void write(std::uint64_t, const std::vector<std::string_view>&) override {
        CHECK(false, "a directory that is looked at is not changed");
    }
    void append(std::uint64_t, const std::vector<std::string_view>&) override {
        CHECK(false, "a directory that is looked at is not changed");
    }
    std::string read(std::uint64_t offset, std::size_t count) override {
        std::string bytes(offset < size_ ? std::min<std::uint64_t>(count, size_ - offset) : 0,
                          '\0');
        file_.clear();
        file_.seekg(static_cast<std::streamoff>(offset));
        if (!bytes.empty() && !file_.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
            throw DiskFailed("can not read from " + path_.string());
        return bytes;
    }
    void sync() override { CHECK(false, "a directory that is looked at is not changed"); }

private:
    const fs::path path_;
    std::ifstream file_;
    std::uint64_t size_ = 0;
};

class DiskToRead final : public Disk {
public:
    DiskToRead(fs::path path, int lock) : path_(std::move(path)), lock_(lock) {}
    ~DiskToRead() override {
        if (lock_ >= 0) ::close(lock_);
    }
    DiskToRead(const DiskToRead&) = delete;
    DiskToRead& operator=(const DiskToRead&) = delete;

    std::vector<std::string> list() override {
        std::vector<std::string> names;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(path_, error))
            if (entry.is_regular_file() && entry.path().filename() != kLockFile &&
                entry.path().filename() != kReserveFile)
                names.push_back(entry.path().filename().string());
        if (error) throw DiskFailed("can not list " + path_.string() + ": " + error.message());
        std::sort(names.begin(), names.end());
        return names;
    }
    std::unique_ptr<DiskFile> open(const std::string& name) override {
        return std::make_unique<ReadFile>(path_ / name);
    }
    std::unique_ptr<DiskFile> create_file(const std::string&, std::uint64_t) override {
        CHECK(false, "a directory that is looked at is not changed");
        return nullptr;
    }
    void prepare_file(std::uint64_t, Blocks) override {}
    bool replace(const std::string&, std::string_view) override {
        CHECK(false, "a directory that is looked at is not changed");
        return false;
    }
    void remove(const std::string&) override {
        CHECK(false, "a directory that is looked at is not changed");
    }
    void recycle(const std::string&) override {
        CHECK(false, "a directory that is looked at is not changed");
    }
    bool has_surplus() override { return false; }
    void trim() override {}
    bool hold_reserve() override { return true; }
    bool release_reserve(bool) override { return false; }

    static constexpr const char* kLockFile = "lock";

private:
    const fs::path path_;
    const int lock_;  // -1: there is no such file
};

}  // namespace

// Without a lock file no process has ever used it.
Result<std::unique_ptr<Disk>> open_disk_to_read(const std::string& directory) {
    std::error_code error;
    if (!fs::is_directory(directory, error))
        return Error{"there is no directory " + directory + ": name a node's data directory"};
    const std::string path = (fs::path(directory) / DiskToRead::kLockFile).string();
    const int lock = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (lock < 0 && errno != ENOENT)
        return Error{"can not open " + path + ": " + std::generic_category().message(errno)};
    auto disk = std::make_unique<DiskToRead>(directory, lock);
    if (lock >= 0 && ::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        std::ifstream holder(path);
        std::string pid;
        holder >> pid;
        return Error{"another process" + (pid.empty() ? "" : " (" + pid + ")") +
                     " is using the data directory " + directory +
                     ": stop the node first, its files change as it runs"};
    }
    return std::unique_ptr<Disk>(std::move(disk));
}

}  // namespace raftbus
