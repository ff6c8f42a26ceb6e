#include "cli/backup_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/wire.hpp"
#include "messages/crc32c.hpp"
#include "storage/disk.hpp"

namespace raftbus::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "RBBACKUP";
constexpr std::string_view kEndMagic = "RBBKEND.";
constexpr std::size_t kHeadBytesMax = 64 << 10;
constexpr std::size_t kPieceBytes = 1 << 20;

std::string le32(std::uint32_t number) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(number >> (8 * i));
    return bytes;
}
std::uint32_t from_le32(std::string_view bytes) {
    std::uint32_t number = 0;
    for (std::size_t i = 4; i-- > 0;) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
    return number;
}

std::string encode(const BackupHead& head) {
    const std::string map = pack(Value::Map{{"cluster", head.cluster},
                                            {"node", head.node},
                                            {"revision", head.revision},
                                            {"term", head.term},
                                            {"digest", head.digest},
                                            {"time_us", head.time_us},
                                            {"made_ms", head.made_ms},
                                            {"size", head.size},
                                            {"version", head.version}});
    std::string bytes(kMagic);
    bytes += le32(kBackupVersion) + le32(static_cast<std::uint32_t>(map.size())) + map;
    return bytes + le32(crc32c(bytes));
}

// Reads a file piece by piece, and says what is wrong with it.
class Reader {
public:
    explicit Reader(const std::string& path) : path_(path), file_(path, std::ios::binary) {}

    Result<BackupHead> head() {
        if (!file_.is_open()) return Error{with_reason("cannot read " + path_)};
        std::string bytes = take(kMagic.size() + 8);
        if (!bytes.starts_with(kMagic)) return wrong("it does not begin as a backup does");
        if (bytes.size() < kMagic.size() + 8) return wrong("it ends within its head");
        const std::uint32_t version = from_le32(std::string_view(bytes).substr(8));
        const std::uint32_t length = from_le32(std::string_view(bytes).substr(12));
        if (version != kBackupVersion)
            return wrong(fmt::format("its format has version {}, and this program knows {}",
                                     version, kBackupVersion));
        if (length > kHeadBytesMax) return wrong("its head is damaged");
        const std::string map = take(length);
        const std::string crc = take(4);
        if (map.size() < length || crc.size() < 4) return wrong("it ends within its head");
        if (crc32c(bytes + map) != from_le32(crc)) return wrong("its head is damaged");
        const auto value = unpack(map);
        if (!value) return wrong("its head is damaged");
        const auto text = [&](const char* name) { return std::string((*value)[name].text()); };
        const auto number = [&](const char* name) { return (*value)[name].number(); };
        head_ = {text("cluster"),   number("node"), number("revision"),
                 number("term"),    text("digest"), number("time_us"),
                 number("made_ms"), number("size"), text("version")};
        left_ = head_.size;
        return head_;
    }

    // Empty at the end of the state.
    Result<std::string> next() {
        const std::size_t count = std::min<std::uint64_t>(left_, kPieceBytes);
        std::string bytes = take(count);
        if (bytes.size() < count)
            return wrong(fmt::format("it is cut short: {} bytes of the state are missing",
                                     left_ - bytes.size()));
        left_ -= count;
        crc_ = crc32c(bytes, crc_);
        return bytes;
    }

    Status end() {
        const std::string bytes = take(4 + kEndMagic.size() + 1);
        if (bytes.size() < 4 + kEndMagic.size())
            return wrong("it is cut short: its end is missing");
        if (from_le32(bytes) != crc_)
            return wrong("its bytes are not those that were written: the checksum differs");
        if (std::string_view(bytes).substr(4, kEndMagic.size()) != kEndMagic ||
            bytes.size() > 4 + kEndMagic.size())
            return wrong("it goes on behind its end");
        return Done{};
    }

private:
    Error wrong(const std::string& what) const { return Error{path_ + ": " + what}; }
    std::string take(std::size_t count) {
        std::string bytes(count, '\0');
        file_.read(bytes.data(), static_cast<std::streamsize>(count));
        bytes.resize(static_cast<std::size_t>(file_.gcount()));
        return bytes;
    }

    const std::string path_;
    std::ifstream file_;
    BackupHead head_;
    std::uint64_t left_ = 0;
    std::uint32_t crc_ = 0;
};

}  // namespace

// ---- written

BackupWriter::~BackupWriter() {
    if (!begun_ || to_stdout()) return;
    file_.close();
    std::error_code ignored;
    fs::remove(path_ + ".part", ignored);
}

void BackupWriter::begin(const BackupHead& head) {
    if (!to_stdout()) {
        file_.open(path_ + ".part", std::ios::binary | std::ios::trunc);
        if (!file_) throw Failure(Exit::refused, with_reason("cannot write " + path_ + ".part"));
    }
    begun_ = true;
    left_ = head.size;
    write(encode(head));
}

void BackupWriter::add(std::string_view bytes) {
    crc_ = crc32c(bytes, crc_);
    left_ -= std::min<std::uint64_t>(left_, bytes.size());
    write(bytes);
}

void BackupWriter::write(std::string_view bytes) {
    std::ostream& to = to_stdout() ? out_ : file_;
    if (!to.write(bytes.data(), static_cast<std::streamsize>(bytes.size())))
        throw Failure(Exit::refused,
                      with_reason("cannot write " + (to_stdout() ? "the output" : path_)));
}

void BackupWriter::finish() {
    CHECK(left_ == 0, "a backup is finished when all of it is there");
    write(le32(crc_) + std::string(kEndMagic));
    if (to_stdout()) {
        out_.flush();
        return;
    }
    const std::string part = path_ + ".part";
    file_.close();
    const int fd = ::open(part.c_str(), O_RDONLY | O_CLOEXEC);
    const bool synced = file_ && fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    if (!synced) throw Failure(Exit::refused, with_reason("cannot write " + part));
    move_directory(part, path_);
    begun_ = false;
    const fs::path parent = fs::absolute(path_).parent_path();
    sync_directory(parent.string());
}

// ---- read

Result<BackupHead> read_backup_head(const std::string& path) {
    return Reader(path).head();
}

Result<BackupHead> unpack_backup(const std::string& path, DirectoryIntake& into,
                                 const std::function<void(std::uint64_t, std::uint64_t)>& done) {
    Reader reader(path);
    const auto head = reader.head();
    if (!head) return head;
    std::uint64_t behind = 0;
    for (;;) {
        const auto piece = reader.next();
        if (!piece) return piece.error();
        if (piece->empty()) break;
        if (!into.append(*piece))
            return Error{"no room in " + into.directory() + ": say where there is some with --tmp"};
        done(behind += piece->size(), head->size);
    }
    if (const Status whole = reader.end(); !whole) return whole.error();
    if (const Status complete = into.finish(); !complete)
        return Error{path + ": " + complete.error().message};
    return head;
}

}  // namespace raftbus::cli
