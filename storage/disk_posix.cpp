#include "storage/disk_posix.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "messages/check.hpp"
#include "storage/direct_writes.hpp"
#include "storage/posix_calls.hpp"

namespace raftbus {
namespace {

using posix::error_text;
using posix::fail;
using posix::Fd;
using posix::no_room;
using posix::to_iovec;
using posix::write_all;

constexpr std::string_view kLockName = "lock";
constexpr std::string_view kUnfinishedPrefix = "unfinished-";  // renamed when complete
constexpr const char* kSpareName = "unfinished-spare";
constexpr std::size_t kZeroChunk = 1 << 20;
constexpr std::uint64_t kLastReserveBytes = 4 << 20;
// As much as a flush may make needless at once: what a log under load fills before the next one.
constexpr std::uint64_t kRecycledBytesMax = 256 << 20;
constexpr std::size_t kRecycledMax = 10;

class PosixFile : public DiskFile {
public:
    PosixFile(std::string name, Fd fd, bool direct) : name_(std::move(name)), fd_(std::move(fd)) {
        if (direct) direct_.emplace(fd_.get());
        struct stat status {};
        if (::fstat(fd_.get(), &status) != 0) fail("can not look at", name_, errno);
        size_ = static_cast<std::uint64_t>(status.st_size);
    }

    std::uint64_t size() const override { return size_; }

    void append(std::uint64_t offset, const std::vector<std::string_view>& parts) override {
        const int error = direct_ ? direct_->append(offset, parts, size_) : EINVAL;
        if (error == EINVAL) return write(offset, parts);
        if (error != 0) fail("can not write to", name_, error);
    }

    void write(std::uint64_t offset, const std::vector<std::string_view>& parts) override {
        if (direct_) direct_->through_cache();
        std::vector<iovec> vectors;
        vectors.reserve(parts.size());
        std::uint64_t end = offset;
        for (std::string_view part : parts) {
            vectors.push_back(to_iovec(part));
            end += part.size();
        }
        if (const int error = write_all(fd_.get(), offset, std::move(vectors)))
            fail("can not write to", name_, error);
        size_ = std::max(size_, end);
    }

    std::string read(std::uint64_t offset, std::size_t count) override {
        if (direct_) direct_->through_cache();
        std::string bytes(offset < size_ ? std::min<std::uint64_t>(count, size_ - offset) : 0,
                          '\0');
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t got = ::pread(fd_.get(), bytes.data() + done, bytes.size() - done,
                                        static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) fail("can not read from", name_, errno);
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        bytes.resize(done);
        return bytes;
    }

    void sync() override {
        // Never tried again: after an error the kernel may call lost pages clean.
        if (::fdatasync(fd_.get()) != 0) fail("can not sync", name_, errno);
    }

private:
    const std::string name_;
    const Fd fd_;
    std::uint64_t size_ = 0;
    std::optional<DirectWrites> direct_;
};

// How a file is filled that nobody waits for yet: bit by bit, each synced, with rests in between,
// so that the log's own syncs seldom find the disk busy with it.
class GentlePace {
public:
    static constexpr std::size_t kChunk = 256 << 10;

    // From any thread: somebody waits now.
    void hurry() { hurry_.store(true, std::memory_order_relaxed); }
    void begin() { hurry_.store(false, std::memory_order_relaxed); }
    // `chunk`, which writes and syncs, and then a rest twice as long. Returns what it returns.
    template <class Chunk>
    int take(const Chunk& chunk) {
        using Clock = std::chrono::steady_clock;
        const auto start = Clock::now();
        const int error = chunk();
        if (error == 0 && !hurry_.load(std::memory_order_relaxed))
            std::this_thread::sleep_for(
                std::min<Clock::duration>(2 * (Clock::now() - start), kRestMax));
        return error;
    }

private:
    static constexpr auto kRestMax = std::chrono::milliseconds(5);
    std::atomic<bool> hurry_{false};
};

// Makes a new file of zeros, durably; 0, or the error. No pace: at once.
int fill_with_zeros(int fd, std::uint64_t bytes, Blocks blocks, GentlePace* pace) {
    const bool reserved = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) == 0;
    if (!reserved && errno != EOPNOTSUPP) return errno;
    if (reserved && blocks == Blocks::reserved) return ::fsync(fd) == 0 ? 0 : errno;
    const std::string zeros(std::min<std::uint64_t>(pace ? pace->kChunk : kZeroChunk, bytes), '\0');
    for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
        const std::size_t count = std::min<std::uint64_t>(zeros.size(), bytes - at);
        const auto write = [&] {
            return write_all(fd, at, {to_iovec(std::string_view(zeros).substr(0, count))});
        };
        const auto write_and_sync = [&] {
            const int error = write();
            return error != 0 || ::fdatasync(fd) == 0 ? error : errno;
        };
        if (const int error = pace ? pace->take(write_and_sync) : write()) return error;
    }
    if (::fsync(fd) != 0) return errno;
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);  // nobody reads them
    return 0;
}

// A file whose blocks nobody uses. Its content means nothing, and nothing of it need be durable.
class Reserve {
public:
    Reserve(int directory, std::uint64_t bytes)
        : fd_(bytes == 0 ? -1
                         : ::openat(directory, kReserveFile, O_RDWR | O_CREAT | O_CLOEXEC, 0640)),
          bytes_(bytes) {
        if (bytes == 0) ::unlinkat(directory, kReserveFile, 0);
    }

    bool hold() {
        const std::lock_guard guard(mutex_);
        if (bytes_ == 0 || held_ == bytes_) return true;
        for (const std::uint64_t bytes : {bytes_, last(), std::uint64_t{0}})
            if (resize(bytes)) break;
        return held_ == bytes_;
    }

    bool release(bool last_too) {
        const std::lock_guard guard(mutex_);
        const std::uint64_t left = last_too ? 0 : last();
        return held_ > left && resize(left);
    }

private:
    // What is kept when the rest is given up.
    std::uint64_t last() const { return std::min(bytes_ / 2, kLastReserveBytes); }

    // False: no room. Blocks that are given up are of use once the file system has written that
    // down.
    bool resize(std::uint64_t bytes) {
        const auto size = static_cast<off_t>(bytes);
        if (!fd_ || ::ftruncate(fd_.get(), size) != 0) return false;
        int error = bytes == 0 || ::fallocate(fd_.get(), 0, 0, size) == 0 ? 0 : errno;
        if (error == EOPNOTSUPP) error = write_zeros(bytes);
        if (error == 0 && ::fsync(fd_.get()) != 0) error = errno;
        if (error == 0) held_ = bytes;
        return error == 0;
    }
    int write_zeros(std::uint64_t bytes) {
        const std::string zeros(kZeroChunk, '\0');
        int error = 0;
        for (std::uint64_t at = 0; error == 0 && at < bytes; at += zeros.size())
            error =
                write_all(fd_.get(), at, {to_iovec(std::string_view(zeros).substr(0, bytes - at))});
        return error;
    }

    const Fd fd_;
    const std::uint64_t bytes_;  // 0: no reserve
    std::mutex mutex_;
    std::uint64_t held_ = 0;  // bytes
};

class PosixDisk : public Disk {
public:
    PosixDisk(std::string path, Fd directory, Fd lock, const PosixDiskOptions& options)
        : path_(std::move(path)),
          direct_(options.direct_appends),
          directory_(std::move(directory)),
          lock_(std::move(lock)),
          reserve_(directory_.get(), options.reserve_bytes) {
        reserve_.hold();
        for (const std::string& name : list())
            if (name.starts_with(kUnfinishedPrefix)) remove(name);
        // A process that was killed may have renamed a file and not come to this.
        sync_directory();
    }
    ~PosixDisk() override {
        spare_pace_.hurry();
        if (spare_.valid()) spare_.wait();
    }

    std::vector<std::string> list() override {
        // A descriptor of its own: reading moves its position.
        const int fd = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const std::unique_ptr<DIR, int (*)(DIR*)> listing(fd < 0 ? nullptr : ::fdopendir(fd),
                                                          ::closedir);
        if (!listing) fail("can not list", path_, errno);
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(listing.get())) {
            struct stat status {};
            const bool there = ::fstatat(directory_.get(), entry->d_name, &status, 0) == 0;
            const std::string_view name = entry->d_name;
            if (there && S_ISREG(status.st_mode) && name != kLockName && name != kReserveFile)
                names.emplace_back(name);
            errno = 0;
        }
        if (errno != 0) fail("can not list", path_, errno);
        std::sort(names.begin(), names.end());
        return names;
    }

    std::unique_ptr<DiskFile> open(const std::string& name) override {
        Fd fd(::openat(directory_.get(), name.c_str(), O_RDWR | O_CLOEXEC));
        if (!fd) fail("can not open", in_path(name), errno);
        return std::make_unique<PosixFile>(in_path(name), std::move(fd), direct_);
    }

    std::unique_ptr<DiskFile> create_file(const std::string& name, std::uint64_t bytes) override {
        const std::string unfinished = std::string(kUnfinishedPrefix) + name;
        if (!reserve_.hold()) return nullptr;
        if (const auto recycled = take_recycled(bytes)) {
            rename(*recycled, name);
        } else if (take_spare(bytes)) {
            rename(kSpareName, name);
        } else if (make_zeroed(unfinished, bytes, Blocks::written, nullptr)) {
            rename(unfinished, name);
        } else {
            return nullptr;
        }
        return open(name);
    }

    void prepare_file(std::uint64_t bytes, Blocks blocks) override {
        if (spare_.valid() || spare_bytes_ || recycled() > 0 || !reserve_.hold()) return;
        spare_pace_.begin();
        spare_ = std::async(std::launch::async, [=, this]() -> std::optional<std::uint64_t> {
            if (!make_zeroed(kSpareName, bytes, blocks, &spare_pace_)) return std::nullopt;
            return bytes;
        });
    }

    bool replace(const std::string& name, std::string_view content) override {
        const std::string unfinished = std::string(kUnfinishedPrefix) + name;
        const Fd fd = create(unfinished);
        if (!fd) return false;
        int error = write_all(fd.get(), 0, {to_iovec(content)});
        if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
        if (no_room(error)) {
            remove(unfinished);
            return false;
        }
        if (error != 0) fail("can not write", in_path(unfinished), error);
        rename(unfinished, name);
        return true;
    }

    void remove(const std::string& name) override {
        if (::unlinkat(directory_.get(), name.c_str(), 0) != 0)
            fail("can not remove", in_path(name), errno);
        sync_directory();
    }

    void recycle(const std::string& name) override {
        struct stat status {};
        if (::fstatat(directory_.get(), name.c_str(), &status, 0) != 0)
            fail("can not look at", in_path(name), errno);
        const auto bytes = static_cast<std::uint64_t>(status.st_size);
        std::string kept = std::string(kUnfinishedPrefix) + "recycled-" + name;
        {
            const std::lock_guard guard(recycled_mutex_);
            if ((recycled_.size() + 1) * bytes > kRecycledBytesMax ||
                recycled_.size() == kRecycledMax)
                kept.clear();
        }
        if (kept.empty()) return remove(name);
        rename(name, kept);
        const std::lock_guard guard(recycled_mutex_);
        recycled_.push_back({std::move(kept), bytes});
    }

    bool has_surplus() override { return recycled() > needed(); }
    void trim() override {
        const std::lock_guard guard(recycled_mutex_);
        if (recycled_.size() > needed()) drop_recycled();
    }

    bool hold_reserve() override { return reserve_.hold(); }
    bool release_reserve(bool last) override {
        bool released = false;
        {
            const std::lock_guard guard(recycled_mutex_);
            for (; !recycled_.empty(); released = true) drop_recycled();
        }
        return reserve_.release(last) || released;
    }

private:
    std::string in_path(const std::string& name) const { return path_ + "/" + name; }

    // A new file in place of any old one; none if there is no room for it.
    Fd create(const std::string& name) {
        Fd fd(
            ::openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
        if (!fd && !no_room(errno)) fail("can not create", in_path(name), errno);
        return fd;
    }

    // False, and nothing left behind, if there is no room.
    bool make_zeroed(const std::string& name, std::uint64_t bytes, Blocks blocks,
                     GentlePace* pace) {
        const Fd fd = create(name);
        if (!fd) return false;
        const int error = fill_with_zeros(fd.get(), bytes, blocks, pace);
        if (error == 0) return true;
        if (!no_room(error)) fail("can not make", in_path(name), error);
        remove(name);
        return false;
    }

    // Of recycled files: one, or the spare will do.
    std::size_t needed() const { return spare_.valid() || spare_bytes_ ? 0 : 1; }

    std::size_t recycled() {
        const std::lock_guard guard(recycled_mutex_);
        return recycled_.size();
    }

    std::optional<std::string> take_recycled(std::uint64_t bytes) {
        const std::lock_guard guard(recycled_mutex_);
        const auto found =
            std::find_if(recycled_.begin(), recycled_.end(),
                         [&](const Recycled& file) { return file.bytes == bytes; });
        if (found == recycled_.end()) return std::nullopt;
        std::string name = std::move(found->name);
        recycled_.erase(found);
        return name;
    }

    // The newest of them; nobody would miss what a crash leaves of it. Under recycled_mutex_.
    void drop_recycled() {
        if (::unlinkat(directory_.get(), recycled_.back().name.c_str(), 0) != 0)
            fail("can not remove", in_path(recycled_.back().name), errno);
        recycled_.pop_back();
    }

    // True if a spare file of that size is there. Waits for the one that is being made.
    bool take_spare(std::uint64_t bytes) {
        spare_pace_.hurry();
        if (spare_.valid()) spare_bytes_ = spare_.get();
        if (spare_bytes_ != bytes) return false;
        spare_bytes_.reset();
        return true;
    }

    void rename(const std::string& from, const std::string& to) {
        if (::renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) != 0)
            fail("can not rename to", in_path(to), errno);
        sync_directory();
    }

    void sync_directory() {
        if (::fsync(directory_.get()) != 0) fail("can not sync", path_, errno);
    }

    const std::string path_;
    const bool direct_;  // see PosixDiskOptions
    const Fd directory_;
    const Fd lock_;
    Reserve reserve_;
    GentlePace spare_pace_;
    std::future<std::optional<std::uint64_t>> spare_;  // valid while the spare is being made
    std::optional<std::uint64_t> spare_bytes_;         // size of the spare that is there

    struct Recycled {
        std::string name;
        std::uint64_t bytes;
    };
    std::mutex recycled_mutex_;  // room is made from any thread
    std::vector<Recycled> recycled_;
};

Error unusable(const std::string& directory, int error) {
    return Error{"can not use the data directory " + directory + ": " + error_text(error)};
}

// Makes the directory and its parents, each durable in the one above it; 0, or the error.
int make_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0750) == 0) {
        const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
        const Fd above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return above && ::fsync(above.get()) == 0 ? 0 : errno;
    }
    if (errno == EEXIST) return 0;
    if (errno != ENOENT || !path.has_parent_path()) return errno;
    const int error = make_directory(path.parent_path());
    return error != 0 ? error : make_directory(path);
}

// The process id that the lock's holder wrote into it; empty if it did not.
std::string holder(int lock) {
    char text[32];
    const ssize_t got = ::pread(lock, text, sizeof(text), 0);
    std::string id(text, got > 0 ? static_cast<std::size_t>(got) : 0);
    return id.substr(0, id.find('\n'));
}

}  // namespace

Result<std::unique_ptr<Disk>> open_posix_disk(const std::string& directory,
                                              const PosixDiskOptions& options) {
    // Without a slash at its end, so that its parent is the directory above it.
    std::filesystem::path path = std::filesystem::path(directory).lexically_normal();
    if (!path.has_filename() && path.has_parent_path()) path = path.parent_path();
    if (const int error = make_directory(path)) return unusable(directory, error);
    Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) return unusable(directory, errno);
    Fd lock(::openat(root.get(), kLockName.data(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (!lock) return unusable(directory, errno);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return unusable(directory, errno);
        const std::string pid = holder(lock.get());
        return Error{"another process" + (pid.empty() ? "" : " (" + pid + ")") +
                     " is using the data directory " + directory +
                     "; stop it, or give this node a directory of its own"};
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock.get(), 0) == 0) {
        // The id is for the error above only: it is no harm if it can not be written.
        [[maybe_unused]] const int error = write_all(lock.get(), 0, {to_iovec(pid)});
    }
    return std::unique_ptr<Disk>(std::make_unique<PosixDisk>(path.string(), std::move(root),
                                                             std::move(lock), options));
}

}  // namespace raftbus
