// disk: the few things that storage asks of a file system. Implemented by disk_posix.cpp and
// by the simulator.
//
// Owns: the interface, and DiskFailed. All names are relative to one directory, without slashes.
// Must not know: what the files hold.
//
// Errors: anything that fails but for lack of space throws DiskFailed, which ends the process; after a
// failed write or sync nothing that the kernel says about the file can be believed (fsyncgate).
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace raftbus {

class DiskFailed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Something that was written into the state can no longer be read as it was: the files are there, and
// what they hold is wrong or missing. Whoever runs the state answers with an error, and gets the
// state anew from another node.
class StateDamaged : public DiskFailed {
public:
    explicit StateDamaged(const std::string& what)
        : DiskFailed(what + "; see `raftbus check`, and let `raftbus repair` rebuild the node from "
                            "its peers") {}
};

// Does `work`. Returns what it found damaged; empty: nothing.
template <class Work>
std::string damage_in(const Work& work) {
    try {
        work();
        return {};
    } catch (const StateDamaged& damaged) {
        return damaged.what();
    }
}

// How the blocks of a file are there before anything is written into it.
enum class Blocks : std::uint8_t {
    written,   // with zeros: later writes inside change no metadata, so small ones are synced
               // soonest
    reserved,  // made at once, but the first sync of each block has metadata to write as well
};

// What disks write as a whole.
inline constexpr std::uint64_t kDiskBlockBytes = 4096;

class DiskFile {
public:
    virtual ~DiskFile() = default;
    virtual std::uint64_t size() const = 0;
    // Writes all of `parts`, one after the other, from `offset` on. Not durable before sync().
    virtual void write(std::uint64_t offset, const std::vector<std::string_view>& parts) = 0;
    // The same, for a file that is written from its begin to its end: what lies behind the parts, up
    // to the next block, may be zeros afterwards. What stands before them may be written again.
    virtual void append(std::uint64_t offset, const std::vector<std::string_view>& parts) = 0;
    // Up to `count` bytes from `offset`; fewer only at the end of the file.
    virtual std::string read(std::uint64_t offset, std::size_t count) = 0;
    // Returns once everything written to this file is durable.
    virtual void sync() = 0;
};

class Disk {
public:
    virtual ~Disk() = default;
    // Names of all files, sorted. A name that is seen is durable.
    virtual std::vector<std::string> list() = 0;
    // Opens an existing file for reading and writing.
    virtual std::unique_ptr<DiskFile> open(const std::string& name) = 0;
    // Makes a file of that size, durable with its name and all its blocks, and opens it: later writes
    // inside it change no metadata. It holds zeros, or what a file of that size held that was recycled.
    // Null, and nothing left behind, if there is no room.
    virtual std::unique_ptr<DiskFile> create_file(const std::string& name, std::uint64_t bytes) = 0;
    // Starts making a file of zeros of that size in the background, for the next create_file of it
    // to take at once. A hint; may do nothing, or write the blocks all the same.
    virtual void prepare_file(std::uint64_t bytes, Blocks blocks) = 0;
    // Durable when it returns, and atomic: the old content or the new. False if there is no room.
    virtual bool replace(const std::string& name, std::string_view content) = 0;
    // Durable when it returns.
    virtual void remove(const std::string& name) = 0;
    // The same; but the blocks may be kept, as they are, for a later create_file of the same size.
    virtual void recycle(const std::string& name) = 0;
    // There are more recycled blocks than the next create_file needs.
    virtual bool has_surplus() = 0;
    // Gives some of them back; nothing if there are none.
    virtual void trim() = 0;

    // Room that is kept aside for what can not wait, so that a full disk can still be made less
    // full. A disk may have none. True if it is there, now or already: create_file looks first,
    // and makes nothing while it is not. From any thread.
    virtual bool hold_reserve() = 0;
    // Gives the room up, but for a last bit that a start needs; with `last` that, too. True if
    // there was some to give. From any thread.
    virtual bool release_reserve(bool last = false) = 0;
};

}  // namespace raftbus
