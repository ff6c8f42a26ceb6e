#include "storage/direct_writes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace raftbus {
namespace {

constexpr std::uint64_t kBlock = kDiskBlockBytes;
// Of one call, and of the memory that is kept: what is longer is written in several.
constexpr std::size_t kAtOnce = 4 << 20;
constexpr std::size_t kMemoryMin = 64 << 10;
static_assert(kAtOnce % kBlock == 0 && kMemoryMin % kBlock == 0);

std::uint64_t block_of(std::uint64_t offset) {
    return offset - offset % kBlock;
}
std::uint64_t whole_blocks(std::uint64_t bytes) {
    return block_of(bytes + kBlock - 1);
}

}  // namespace

int DirectWrites::append(std::uint64_t offset, const std::vector<std::string_view>& parts,
                         std::uint64_t file_bytes) {
    std::uint64_t end = offset;
    for (const std::string_view part : parts) end += part.size();
    if (whole_blocks(end) > file_bytes) return EINVAL;

    const std::uint64_t blocks = whole_blocks(end) - block_of(offset);
    if (!make_room(std::min<std::uint64_t>(blocks, kAtOnce))) return ENOMEM;
    if (const int error = begin(offset)) return error;
    if (!set_direct(true)) return EINVAL;

    std::size_t filled = known_bytes_;
    for (std::string_view part : parts)
        while (!part.empty()) {
            if (filled == kAtOnce) {
                if (const int error = write_blocks(filled)) return error;
                keep_last_block(filled);
                filled = 0;
            }
            const std::size_t count = std::min(part.size(), kAtOnce - filled);
            std::memcpy(memory_.get() + filled, part.data(), count);
            part.remove_prefix(count);
            filled += count;
        }
    const std::size_t whole = whole_blocks(filled);
    std::memset(memory_.get() + filled, 0, whole - filled);
    if (const int error = write_blocks(whole)) return error;
    keep_last_block(filled);
    return 0;
}

void DirectWrites::through_cache() {
    set_direct(false);
    known_bytes_ = 0;  // it may be written otherwise
}

// False: the file system can not.
bool DirectWrites::set_direct(bool direct) {
    if (direct == direct_) return true;
    if (::fcntl(fd_, F_SETFL, direct ? O_DIRECT : 0) != 0) return false;
    direct_ = direct;
    return true;
}

bool DirectWrites::make_room(std::size_t bytes) {
    if (bytes <= memory_bytes_) return true;
    bytes = std::bit_ceil(std::max(bytes, kMemoryMin));
    std::unique_ptr<char[], Free> more(static_cast<char*>(std::aligned_alloc(kBlock, bytes)));
    if (!more) return false;
    if (known_bytes_ > 0) std::memcpy(more.get(), memory_.get(), known_bytes_);
    memory_ = std::move(more);
    memory_bytes_ = bytes;
    return true;
}

// Has the begin of the block that `offset` lies in.
int DirectWrites::begin(std::uint64_t offset) {
    const std::uint64_t block = block_of(offset);
    const std::size_t before = offset - block;
    if (at_ == block && known_bytes_ == before) return 0;
    through_cache();
    at_ = block;
    while (known_bytes_ < before) {
        const ssize_t got = ::pread(fd_, memory_.get() + known_bytes_, before - known_bytes_,
                                    static_cast<off_t>(at_ + known_bytes_));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0 ? errno : EIO;
        known_bytes_ += static_cast<std::size_t>(got);
    }
    return 0;
}

int DirectWrites::write_blocks(std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes) {
        const ssize_t wrote =
            ::pwrite(fd_, memory_.get() + done, bytes - done, static_cast<off_t>(at_ + done));
        if (wrote < 0 && errno == EINTR) continue;
        // Later it would mean that half of this was written, and why the rest was not.
        if (wrote < 0) return errno == EINVAL && done > 0 ? EIO : errno;
        done += block_of(static_cast<std::uint64_t>(wrote));
        if (wrote < static_cast<ssize_t>(kBlock)) return EIO;
    }
    return 0;
}

void DirectWrites::keep_last_block(std::size_t bytes) {
    const std::size_t last = block_of(bytes);
    known_bytes_ = bytes - last;
    at_ += last;
    std::memmove(memory_.get(), memory_.get() + last, known_bytes_);
}

}  // namespace raftbus
