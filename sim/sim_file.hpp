// sim_file: the bytes of one file on a simulated disk: what readers see, and how much of it a power
// loss can take away.
//
// Owns: the content, durable and seen, and the writes that make up the difference.
// Must not know: time, names, processes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/random.hpp"

namespace raftbus::sim {

// What a power loss leaves of the writes that are not durable.
enum class Crash : std::uint8_t {
    keep_nothing,
    keep_all,
    keep_prefix,   // whole writes in order, and part of one more
    keep_sectors,  // of each sector any of its contents since it was durable
};

class SimFile {
public:
    static constexpr std::size_t kSectorBytes = 512;  // written whole or not at all

    // Durable from the beginning.
    explicit SimFile(std::string content) : durable_(content), seen_(std::move(content)) {}

    std::uint64_t size() const { return seen_.size(); }
    // As a reader sees it now, durable or not.
    const std::string& content() const { return seen_; }
    // What no power loss takes away.
    const std::string& durable() const { return durable_; }

    // Writes the parts, one after the other, inside the file (CHECKed). Returns how many bytes that
    // is. `number` is above that of all earlier writes.
    std::uint64_t write(std::uint64_t number, std::uint64_t offset,
                        const std::vector<std::string_view>& parts);
    // How many bytes a sync would have to write.
    std::uint64_t dirty_bytes() const;
    // The writes below that number become durable, but for those that an earlier sync lost.
    // Costs in the order of their bytes.
    void sync(std::uint64_t below);
    // As Linux does (fsyncgate): the writes below that number stay in the page cache and count as
    // clean, so readers see them and no later sync writes them. Only writing their bytes again
    // does.
    void fail_sync(std::uint64_t below);
    // Of the last write, which is not durable and was not lost.
    std::uint64_t last_write_bytes() const { return dirty_.back().bytes.size(); }
    // Only its first `kept` bytes ever happened.
    void shorten_last_write(std::uint64_t kept);
    // The machine loses power. What is left is durable.
    void crash(Crash what, Random& random);

    // Changes the content behind the back of those who wrote it, durably.
    void overwrite(std::uint64_t offset, std::string_view bytes);
    void resize(std::uint64_t bytes);

private:
    struct Write {
        std::uint64_t number = 0;
        std::uint64_t offset = 0;
        std::string bytes;
        std::uint64_t end() const { return offset + bytes.size(); }
    };
    using Writes = std::vector<Write>;

    static void subtract(Writes& writes, std::uint64_t from, std::uint64_t to);
    Writes::iterator first_from(std::uint64_t number);
    void keep_prefix(const Writes& writes, Random& random);
    void keep_sectors(const Writes& writes, Random& random);

    // At any time seen_ is durable_ with lost_ and then dirty_ written over it, in order.
    std::string durable_;
    Writes lost_;   // by a failed sync; in the page cache alone, as clean
    Writes dirty_;  // in order of number, all of them later than those of lost_
    std::string seen_;
};

}  // namespace raftbus::sim
