#include "sim/sim_file.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "messages/check.hpp"

namespace raftbus::sim {
namespace {

// Copies what of `bytes`, which stand at `offset`, lies in [from, to) into `content`.
void copy_overlap(std::string& content, std::uint64_t offset, std::string_view bytes,
                  std::uint64_t from, std::uint64_t to) {
    from = std::max(from, offset);
    to = std::min<std::uint64_t>(to, offset + bytes.size());
    if (from < to) content.replace(from, to - from, bytes.substr(from - offset, to - from));
}

}  // namespace

std::uint64_t SimFile::write(std::uint64_t number, std::uint64_t offset,
                             const std::vector<std::string_view>& parts) {
    std::uint64_t end = offset;
    for (std::string_view part : parts) {
        CHECK(end + part.size() <= seen_.size(), "storage writes inside its files only");
        part.copy(seen_.data() + end, part.size());
        end += part.size();
    }
    dirty_.push_back({number, offset, seen_.substr(offset, end - offset)});
    return end - offset;
}

std::uint64_t SimFile::dirty_bytes() const {
    std::uint64_t bytes = 0;
    for (const Write& write : dirty_) bytes += write.bytes.size();
    return bytes;
}

SimFile::Writes::iterator SimFile::first_from(std::uint64_t number) {
    return std::find_if(dirty_.begin(), dirty_.end(),
                        [number](const Write& write) { return write.number >= number; });
}

void SimFile::sync(std::uint64_t below) {
    const auto behind = first_from(below);
    for (auto write = dirty_.begin(); write != behind; ++write) {
        durable_.replace(write->offset, write->bytes.size(), write->bytes);
        if (!lost_.empty()) subtract(lost_, write->offset, write->end());
    }
    dirty_.erase(dirty_.begin(), behind);
}

void SimFile::fail_sync(std::uint64_t below) {
    const auto behind = first_from(below);
    std::move(dirty_.begin(), behind, std::back_inserter(lost_));
    dirty_.erase(dirty_.begin(), behind);
}

// Leaves of the writes what lies outside of [from, to).
void SimFile::subtract(Writes& writes, std::uint64_t from, std::uint64_t to) {
    Writes left;
    for (Write& write : writes) {
        if (write.offset < from)
            left.push_back(
                {write.number, write.offset, write.bytes.substr(0, from - write.offset)});
        const std::uint64_t rest = std::max(write.offset, to);
        if (rest < write.end())
            left.push_back({write.number, rest, write.bytes.substr(rest - write.offset)});
    }
    writes = std::move(left);
}

void SimFile::shorten_last_write(std::uint64_t kept) {
    Write& last = dirty_.back();
    const std::uint64_t from = last.offset + kept;
    const std::uint64_t to = last.end();
    last.bytes.resize(kept);
    if (kept == 0) dirty_.pop_back();
    copy_overlap(seen_, 0, durable_, from, to);
    for (const Writes* writes : {&lost_, &dirty_})
        for (const Write& write : *writes) copy_overlap(seen_, write.offset, write.bytes, from, to);
}

void SimFile::crash(Crash what, Random& random) {
    if (lost_.empty() && dirty_.empty()) return;
    Writes writes = std::move(lost_);
    std::move(dirty_.begin(), dirty_.end(), std::back_inserter(writes));
    lost_.clear();
    dirty_.clear();
    switch (what) {
        case Crash::keep_nothing:
            break;
        case Crash::keep_all:
            durable_ = seen_;
            break;
        case Crash::keep_prefix:
            keep_prefix(writes, random);
            break;
        case Crash::keep_sectors:
            keep_sectors(writes, random);
            break;
    }
    seen_ = durable_;
}

void SimFile::keep_prefix(const Writes& writes, Random& random) {
    std::uint64_t left = 0;
    for (const Write& write : writes) left += write.bytes.size();
    left = random.below(left + 1);
    for (const Write& write : writes) {
        const std::size_t kept = std::min<std::uint64_t>(left, write.bytes.size());
        durable_.replace(write.offset, kept, write.bytes, 0, kept);
        left -= kept;
    }
}

void SimFile::keep_sectors(const Writes& writes, Random& random) {
    // Every touched sector's contents, the durable one first.
    std::map<std::uint64_t, std::vector<std::string>> contents;
    for (const Write& write : writes) {
        const std::uint64_t behind = (write.end() + kSectorBytes - 1) / kSectorBytes;
        for (std::uint64_t s = write.offset / kSectorBytes; s < behind; ++s) {
            const std::uint64_t begin = s * kSectorBytes;
            std::vector<std::string>& versions = contents[s];
            if (versions.empty()) versions.push_back(durable_.substr(begin, kSectorBytes));
            std::string next = versions.back();
            const std::uint64_t from = std::max(begin, write.offset);
            const std::uint64_t to = std::min(begin + next.size(), write.end());
            next.replace(from - begin, to - from, write.bytes, from - write.offset, to - from);
            versions.push_back(std::move(next));
        }
    }
    for (const auto& [sector, versions] : contents) {
        const std::string& kept = versions[random.below(versions.size())];
        durable_.replace(sector * kSectorBytes, kept.size(), kept);
    }
}

void SimFile::overwrite(std::uint64_t offset, std::string_view bytes) {
    const std::uint64_t end = offset + bytes.size();
    CHECK(end <= seen_.size());
    for (std::string* content : {&durable_, &seen_}) content->replace(offset, bytes.size(), bytes);
    // Writing a write back does not undo it.
    for (Writes* writes : {&lost_, &dirty_})
        for (Write& write : *writes) {
            const std::uint64_t from = std::max(write.offset, offset);
            const std::uint64_t to = std::min(write.end(), end);
            if (from < to)
                write.bytes.replace(from - write.offset, to - from,
                                    bytes.substr(from - offset, to - from));
        }
}

void SimFile::resize(std::uint64_t bytes) {
    seen_.resize(bytes);
    durable_ = seen_;
    lost_.clear();
    dirty_.clear();
}

}  // namespace raftbus::sim
