#include "storage/snapshot_files.hpp"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "storage/disk.hpp"

namespace raftbus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "RBSNAP01";
constexpr std::uint32_t kFilesMax = 1'000'000;
constexpr std::size_t kNumberBytes = 8;

// What begins otherwise than a snapshot of this version, which is two digits at the end.
std::string other_version(std::string_view bytes) {
    const std::size_t name = kMagic.size() - 2;
    if (!bytes.starts_with(kMagic.substr(0, name))) return "it does not begin as a snapshot";
    return "it has snapshot format version " + std::string(bytes.substr(name, 2)) +
           ", this program reads version " + std::string(kMagic.substr(name)) +
           ": run the same release on both nodes";
}

[[noreturn]] void fail(const std::string& what, const std::string& path, int error) {
    throw DiskFailed("can not " + what + " " + path + ": " +
                     std::generic_category().message(error));
}

void append_number(std::string& out, std::uint64_t number) {
    for (std::size_t i = 0; i < kNumberBytes; ++i) out += static_cast<char>(number >> (8 * i));
}

// Takes a number off the front; false if it is not there as a whole.
bool take_number(std::string_view& bytes, std::uint64_t& number) {
    if (bytes.size() < kNumberBytes) return false;
    number = 0;
    for (std::size_t i = kNumberBytes; i-- > 0;)
        number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
    bytes.remove_prefix(kNumberBytes);
    return true;
}

void sync_path(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd < 0) fail("open", path, errno);
    const int error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    if (error != 0) fail("sync", path, error);
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

}  // namespace

void remove_directory(const std::string& directory) {
    std::error_code error;
    fs::remove_all(directory, error);
    if (error) fail("remove", directory, error.value());
}

void move_directory(const std::string& from, const std::string& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) fail("rename", from, error.value());
}

void sync_directory(const std::string& directory) {
    sync_path(directory, O_RDONLY | O_DIRECTORY);
}

// ---- sent

DirectorySnapshot::DirectorySnapshot(std::string directory, EntryId last, Verify verify)
    : directory_(std::move(directory)), last_(last), verify_(std::move(verify)) {
    for (const auto& entry : fs::directory_iterator(directory_))
        if (entry.is_regular_file())
            parts_.push_back({0, entry.file_size(), entry.path().filename().string()});
    std::ranges::sort(parts_, {}, &Part::path);
    list_ = kMagic;
    append_number(list_, parts_.size());
    for (const Part& part : parts_) {
        append_number(list_, part.size);
        append_number(list_, part.path.size());
        list_ += part.path;
    }
    size_ = list_.size();
    for (Part& part : parts_) {
        part.begin = size_;
        part.path = directory_ + "/" + part.path;
        size_ += part.size;
    }
}

DirectorySnapshot::~DirectorySnapshot() {
    std::error_code ignored;  // a start removes what is left
    fs::remove_all(directory_, ignored);
}

std::string DirectorySnapshot::read(std::uint64_t offset, std::size_t count) {
    std::string out;
    if (offset < list_.size()) out = list_.substr(offset, count);
    auto part = std::ranges::upper_bound(parts_, offset + out.size(), {}, &Part::begin);
    if (part != parts_.begin()) --part;
    for (; part != parts_.end() && out.size() < count; ++part) {
        const std::uint64_t at = offset + out.size();
        if (at < part->begin || at >= part->begin + part->size) continue;
        const std::uint64_t from = at - part->begin;
        read_part(*part, from, std::min<std::uint64_t>(count - out.size(), part->size - from), out);
    }
    return out;
}

void DirectorySnapshot::read_part(Part& part, std::uint64_t from, std::size_t count,
                                  std::string& out) {
    if (verify_ && !std::exchange(part.verified, true)) verify_(part.path);
    if (open_ != part.path) {
        file_ = std::ifstream(part.path, std::ios::binary);
        open_ = part.path;
    }
    const std::size_t before = out.size();
    out.resize(before + count);
    file_.seekg(static_cast<std::streamoff>(from));
    if (!file_.read(out.data() + before, static_cast<std::streamsize>(count)))
        fail("read", part.path, EIO);
}

// ---- received

DirectoryIntake::DirectoryIntake(std::string directory) : directory_(std::move(directory)) {
    remove_directory(directory_);
    std::error_code error;
    fs::create_directory(directory_, error);
    if (error) fail("make", directory_, error.value());
}

DirectoryIntake::~DirectoryIntake() {
    std::error_code ignored;  // a start removes what is left
    fs::remove_all(directory_, ignored);
}

bool DirectoryIntake::append(std::string_view bytes) {
    if (!listed_) {
        const std::size_t had = list_.size();
        list_ += bytes;
        if (!parse_list()) return true;
        bytes.remove_prefix(list_.size() - had);
    }
    while (wrong_.empty() && !bytes.empty())
        if (!fill(bytes)) return false;
    return true;
}

// True once the list is there as a whole, or turned out not to be one; list_ is cut to it.
bool DirectoryIntake::parse_list() {
    const auto refuse = [this](std::string why) {
        wrong_ = std::move(why);
        return listed_ = true;
    };
    std::string_view rest = list_;
    if (rest.size() < kMagic.size()) return false;
    if (!rest.starts_with(kMagic)) return refuse(other_version(rest));
    rest.remove_prefix(kMagic.size());
    std::uint64_t count = 0;
    if (!take_number(rest, count)) return false;
    if (count > kFilesMax) return refuse("its list of files is too long");
    std::vector<Part> parts;
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint64_t size = 0, length = 0;
        if (!take_number(rest, size) || !take_number(rest, length)) return false;
        if (length > NAME_MAX) return refuse("a file's name is too long");
        if (rest.size() < length) return false;
        parts.push_back({std::string(rest.substr(0, length)), size});
        if (!is_plain_name(parts.back().name)) return refuse("a file's name is not a plain one");
        rest.remove_prefix(length);
    }
    parts_ = std::move(parts);
    list_.resize(list_.size() - rest.size());
    return listed_ = true;
}

// Writes what belongs to the present file, and takes it off the front. False: no room.
bool DirectoryIntake::fill(std::string_view& bytes) {
    if (part_ == parts_.size()) {
        wrong_ = "it goes on behind its last file";
        return true;
    }
    const Part& part = parts_[part_];
    const std::string path = directory_ + "/" + part.name;
    if (!file_.is_open()) {
        file_.open(path, std::ios::binary | std::ios::trunc);
        if (!file_) fail("make", path, errno);
    }
    const std::size_t count = std::min<std::uint64_t>(bytes.size(), part.size - written_);
    errno = 0;
    file_.write(bytes.data(), static_cast<std::streamsize>(count));
    if (file_ && written_ + count == part.size) file_.close();
    if (!file_) {
        if (errno == ENOSPC || errno == EDQUOT) return false;
        fail("write", path, errno);
    }
    bytes.remove_prefix(count);
    written_ += count;
    if (written_ < part.size) return true;
    written_ = 0;
    ++part_;
    return true;
}

Status DirectoryIntake::finish() {
    if (!wrong_.empty()) return Error{wrong_};
    // Files without contents are never begun by bytes of theirs.
    for (; part_ < parts_.size() && parts_[part_].size == 0; ++part_)
        std::ofstream(directory_ + "/" + parts_[part_].name, std::ios::binary);
    if (!listed_ || part_ < parts_.size()) return Error{"it ends too early"};
    for (const Part& part : parts_) sync_path(directory_ + "/" + part.name, O_RDONLY);
    sync_directory(directory_);
    return Done{};
}

}  // namespace raftbus
