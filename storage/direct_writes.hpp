// direct_writes: a file that is written from its begin to its end, past the page cache (O_DIRECT).
//
// The kernel copies such bytes into no page of its own, has none to write back, and none to look
// for when the file is synced: a small sync costs two thirds of the processor time, and comes
// sooner (docs/performance.md). The price is that whole blocks are written, from memory that is
// aligned.
//
// Owns: that memory, and the begin of the last block, which is written again with what follows it.
// Must not know: what the bytes are, when they are synced.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/disk.hpp"

namespace raftbus {

class DirectWrites {
public:
    // `fd` is open for reading and writing, outlives this, and belongs to nobody else meanwhile.
    explicit DirectWrites(int fd) : fd_(fd) {}

    // Writes the parts at `offset` as DiskFile::append does, in a file of that size. 0, or the
    // error. EINVAL: this file system does not take such writes, or the file ends inside the last
    // block; nothing was written.
    int append(std::uint64_t offset, const std::vector<std::string_view>& parts,
               std::uint64_t file_bytes);
    // Whoever reads or writes `fd` himself calls this before: such calls need not be aligned.
    void through_cache();

private:
    struct Free {
        void operator()(char* memory) const { std::free(memory); }
    };

    bool set_direct(bool direct);
    bool make_room(std::size_t bytes);
    int begin(std::uint64_t offset);
    int write_blocks(std::size_t bytes);
    void keep_last_block(std::size_t bytes);

    const int fd_;
    bool direct_ = false;                   // calls on fd_ go past the page cache
    std::unique_ptr<char[], Free> memory_;  // the blocks from at_ on
    std::size_t memory_bytes_ = 0;
    std::uint64_t at_ = 0;         // in the file: a block's begin
    std::size_t known_bytes_ = 0;  // of that block, as they stand in the file; less than a block
};

}  // namespace raftbus
