#include "tests/testing/memory_disk.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"

namespace raftbus::testing {

std::uint64_t draw(std::uint64_t& state, std::uint64_t bound) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
}

class MemoryDisk::OpenFile : public DiskFile {
public:
    OpenFile(MemoryDisk& disk, std::shared_ptr<File> file)
        : disk_(disk), file_(std::move(file)), life_(disk.life_) {}

    std::uint64_t size() const override { return file_->current.size(); }

    void write(std::uint64_t offset, const std::vector<std::string_view>& parts) override {
        check_alive();
        std::string bytes;
        for (std::string_view part : parts) bytes += part;
        CHECK(offset + bytes.size() <= file_->current.size(),
              "storage writes inside its files only");
        file_->current.replace(offset, bytes.size(), bytes);
        file_->unsynced.push_back({offset, std::move(bytes)});
    }

    std::string read(std::uint64_t offset, std::size_t count) override {
        check_alive();
        return offset < file_->current.size() ? file_->current.substr(offset, count)
                                              : std::string();
    }

    void sync() override {
        check_alive();
        ++disk_.syncs_;
        disk_.failed_ = disk_.good_syncs_ == 0;
        check_alive();
        if (disk_.good_syncs_ != UINT64_MAX) --disk_.good_syncs_;
        file_->durable = file_->current;
        file_->unsynced.clear();
    }

private:
    void check_alive() const {
        if (life_ != disk_.life_) throw DiskFailed("the file was opened before the crash");
        if (disk_.failed_) throw DiskFailed("a sync failed");
    }

    MemoryDisk& disk_;
    const std::shared_ptr<File> file_;
    const std::uint64_t life_;
};

std::vector<std::string> MemoryDisk::list() {
    std::vector<std::string> names;
    for (const auto& [name, file] : files_) names.push_back(name);
    return names;
}

std::unique_ptr<DiskFile> MemoryDisk::open(const std::string& name) {
    const auto found = files_.find(name);
    if (found == files_.end()) throw DiskFailed("no such file: " + name);
    return std::make_unique<OpenFile>(*this, found->second);
}

std::unique_ptr<DiskFile> MemoryDisk::create_zeroed(const std::string& name, std::uint64_t bytes) {
    if (!replace(name, std::string(bytes, '\0'))) return nullptr;
    return open(name);
}

bool MemoryDisk::replace(const std::string& name, std::string_view content) {
    if (content.size() > room_) return false;
    room_ -= content.size();
    if (files_.contains(name)) remove(name);
    auto file = std::make_shared<File>();
    file->durable = file->current = content;
    files_[name] = std::move(file);
    return true;
}

void MemoryDisk::remove(const std::string& name) {
    const std::uint64_t bytes = file(name).current.size();
    room_ = room_ > UINT64_MAX - bytes ? UINT64_MAX : room_ + bytes;
    files_.erase(name);
}

void MemoryDisk::crash(Crash what, std::uint64_t seed) {
    for (auto& [name, file] : files_) {
        settle(*file, what, seed);
        file->current = file->durable;
        file->unsynced.clear();
    }
    kill();
}

void MemoryDisk::kill() {
    ++life_;
    failed_ = false;
    good_syncs_ = UINT64_MAX;
}

void MemoryDisk::settle(File& file, Crash what, std::uint64_t& seed) {
    switch (what) {
        case Crash::keep_nothing:
            return;
        case Crash::keep_all:
            file.durable = file.current;
            return;
        case Crash::keep_prefix:
            settle_prefix(file, seed);
            return;
        case Crash::keep_sectors:
            settle_sectors(file, seed);
            return;
    }
}

void MemoryDisk::settle_prefix(File& file, std::uint64_t& seed) {
    std::uint64_t left = 0;
    for (const Write& w : file.unsynced) left += w.bytes.size();
    left = draw(seed, left + 1);
    for (const Write& w : file.unsynced) {
        const std::size_t kept = std::min<std::uint64_t>(left, w.bytes.size());
        file.durable.replace(w.offset, kept, w.bytes, 0, kept);
        left -= kept;
    }
}

void MemoryDisk::settle_sectors(File& file, std::uint64_t& seed) {
    // Every sector's contents since the last sync, the synced one first.
    std::map<std::uint64_t, std::vector<std::string>> versions;
    std::string content = file.durable;
    for (const Write& w : file.unsynced) {
        const std::uint64_t first = w.offset / kSectorBytes;
        const std::uint64_t behind = (w.offset + w.bytes.size() + kSectorBytes - 1) / kSectorBytes;
        for (std::uint64_t s = first; s < behind; ++s)
            if (versions[s].empty())
                versions[s].push_back(content.substr(s * kSectorBytes, kSectorBytes));
        content.replace(w.offset, w.bytes.size(), w.bytes);
        for (std::uint64_t s = first; s < behind; ++s)
            versions[s].push_back(content.substr(s * kSectorBytes, kSectorBytes));
    }
    for (const auto& [sector, contents] : versions) {
        const std::string& kept = contents[draw(seed, contents.size())];
        file.durable.replace(sector * kSectorBytes, kept.size(), kept);
    }
}

MemoryDisk::File& MemoryDisk::file(const std::string& name) {
    const auto found = files_.find(name);
    CHECK(found != files_.end(), name);
    return *found->second;
}

const std::string& MemoryDisk::content(const std::string& name) const {
    const auto found = files_.find(name);
    CHECK(found != files_.end(), name);
    return found->second->current;
}

void MemoryDisk::overwrite(const std::string& name, std::uint64_t offset, std::string_view bytes) {
    File& changed = file(name);
    CHECK(offset + bytes.size() <= changed.current.size());
    changed.current.replace(offset, bytes.size(), bytes);
    changed.durable.replace(offset, bytes.size(), bytes);
}

void MemoryDisk::flip_bit(const std::string& name, std::uint64_t offset, int bit) {
    const char byte = static_cast<char>(content(name)[offset] ^ (1 << bit));
    overwrite(name, offset, {&byte, 1});
}

void MemoryDisk::resize(const std::string& name, std::uint64_t bytes) {
    file(name).current.resize(bytes);
    file(name).durable.resize(bytes);
}

void MemoryDisk::rename(const std::string& from, const std::string& to) {
    auto moved = files_.extract(from);
    CHECK(!moved.empty(), from);
    files_.erase(to);
    moved.key() = to;
    files_.insert(std::move(moved));
}

}  // namespace raftbus::testing
