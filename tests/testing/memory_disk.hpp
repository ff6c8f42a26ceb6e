// memory_disk: a disk in memory that loses what real ones lose.
//
// Owns: files, what of them was synced, and what a crash leaves of the rest. Has no clock, no
// thread and no randomness of its own: a crash is drawn from the seed that it is given.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/disk.hpp"

namespace raftbus::testing {

// What a crash leaves of the writes that were not synced.
enum class Crash : std::uint8_t {
    keep_nothing,
    keep_all,      // as when the process alone is killed and the machine lives until all is written
                   // back
    keep_prefix,   // whole writes in order, and part of one more
    keep_sectors,  // of each sector any of its contents since the last sync
};

class MemoryDisk : public Disk {
public:
    static constexpr std::size_t kSectorBytes = 512;  // written whole or not at all

    std::vector<std::string> list() override;
    std::unique_ptr<DiskFile> open(const std::string& name) override;
    std::unique_ptr<DiskFile> create_zeroed(const std::string& name, std::uint64_t bytes) override;
    void prepare_zeroed(std::uint64_t) override {}
    bool replace(const std::string& name, std::string_view content) override;
    void remove(const std::string& name) override;

    // The machine loses power and comes back. Files that are open stay dead: they throw DiskFailed.
    void crash(Crash what, std::uint64_t seed = 0);
    // The process alone dies: its writes can still be read, and are no more durable than they were.
    void kill();
    // New files may take `bytes` more; what is there already may be written as before.
    void set_room(std::uint64_t bytes) { room_ = bytes; }
    // Lets `good` more syncs succeed; the next one throws DiskFailed, and so does everything after
    // it until the crash.
    void fail_sync_after(std::uint64_t good) { good_syncs_ = good; }

    // A file as a reader sees it now, synced or not.
    const std::string& content(const std::string& name) const;
    // Changes a file behind the back of those who wrote it, durably.
    void overwrite(const std::string& name, std::uint64_t offset, std::string_view bytes);
    void flip_bit(const std::string& name, std::uint64_t offset, int bit);
    void resize(const std::string& name, std::uint64_t bytes);
    void rename(const std::string& from, const std::string& to);

    std::uint64_t syncs() const { return syncs_; }

private:
    class OpenFile;
    struct Write {
        std::uint64_t offset;
        std::string bytes;
    };
    struct File {
        std::string durable;
        std::string current;
        std::vector<Write> unsynced;
    };

    File& file(const std::string& name);
    static void settle(File& file, Crash what, std::uint64_t& seed);
    static void settle_prefix(File& file, std::uint64_t& seed);
    static void settle_sectors(File& file, std::uint64_t& seed);

    std::map<std::string, std::shared_ptr<File>> files_;
    std::uint64_t room_ = UINT64_MAX;
    std::uint64_t life_ = 0;  // counts crashes and kills
    std::uint64_t syncs_ = 0;
    std::uint64_t good_syncs_ = UINT64_MAX;  // until one fails
    bool failed_ = false;                    // one failed in this life
};

// Draws the next number from `state` (SplitMix64); in [0, bound). The same everywhere.
std::uint64_t draw(std::uint64_t& state, std::uint64_t bound);

}  // namespace raftbus::testing
