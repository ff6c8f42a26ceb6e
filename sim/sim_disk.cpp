#include "sim/sim_disk.hpp"

#include <algorithm>
#include <utility>

#include "messages/check.hpp"

namespace raftbus::sim {
namespace {

// How much of `bytes` is done at `at`, if they are moved evenly in [begin, end).
std::uint64_t done_by(Moment at, Moment begin, Moment end, std::uint64_t bytes) {
    constexpr std::uint64_t kSteps = 1024;  // few enough for no product to overflow
    const auto step = static_cast<std::uint64_t>((at - begin).count()) * kSteps /
                      static_cast<std::uint64_t>((end - begin).count());
    return bytes * step / kSteps;
}

}  // namespace

class SimDisk::OpenFile : public DiskFile {
public:
    OpenFile(SimDisk& disk, std::shared_ptr<SimFile> file)
        : disk_(disk), file_(std::move(file)), life_(disk.life_) {}

    std::uint64_t size() const override { return file_->size(); }

    void write(std::uint64_t offset, const std::vector<std::string_view>& parts) override {
        check_alive();
        const std::uint64_t number = disk_.next_write_++;
        const std::uint64_t bytes = file_->write(number, offset, parts);
        disk_.perform({.work = Work::write, .file = file_, .number = number}, bytes);
    }

    // As a disk that takes whole blocks alone: what stands before the parts is written once more,
    // and zeros behind them. Blocks are as small as segments are here.
    void append(std::uint64_t offset, const std::vector<std::string_view>& parts) override {
        check_alive();
        constexpr std::uint64_t kBlock = SimFile::kSectorBytes;
        static_assert(kBlock <= kDiskBlockBytes);
        std::uint64_t end = offset;
        for (const std::string_view part : parts) end += part.size();
        const std::uint64_t block = offset - offset % kBlock;
        const std::uint64_t block_end = std::min((end + kBlock - 1) / kBlock * kBlock, size());
        const std::string before = file_->content().substr(block, offset - block);
        const std::string zeros(block_end - std::min(end, block_end), '\0');
        std::vector<std::string_view> whole{before};
        whole.insert(whole.end(), parts.begin(), parts.end());
        whole.push_back(zeros);
        write(block, whole);
    }

    std::string read(std::uint64_t offset, std::size_t count) override {
        check_alive();
        const std::string& content = file_->content();
        std::string bytes = offset < content.size() ? content.substr(offset, count) : "";
        disk_.perform({.work = Work::read}, bytes.size());
        return bytes;
    }

    void sync() override {
        check_alive();
        ++disk_.syncs_;
        disk_.failed_ = disk_.good_syncs_ == 0;
        disk_.perform({.work = Work::sync,
                       .file = file_,
                       .number = disk_.next_write_,
                       .fails = disk_.failed_},
                      file_->dirty_bytes());
        check_alive();
        if (disk_.good_syncs_ != UINT64_MAX) --disk_.good_syncs_;
    }

private:
    void check_alive() const {
        if (life_ != disk_.life_) throw DiskFailed("the file was opened before the crash");
        disk_.check_healthy();
    }

    SimDisk& disk_;
    const std::shared_ptr<SimFile> file_;
    const std::uint64_t life_;
};

// ---- what storage asks for

void SimDisk::check_healthy() const {
    if (failed_) throw DiskFailed("a sync failed");
}

std::vector<std::string> SimDisk::list() {
    check_healthy();
    std::vector<std::string> names;
    names.reserve(files_.size());
    for (const auto& [name, file] : files_) names.push_back(name);
    return names;
}

std::unique_ptr<DiskFile> SimDisk::open(const std::string& name) {
    check_healthy();
    const auto found = files_.find(name);
    if (found == files_.end()) throw DiskFailed("no such file: " + name);
    return std::make_unique<OpenFile>(*this, found->second);
}

std::unique_ptr<DiskFile> SimDisk::create_file(const std::string& name, std::uint64_t bytes) {
    check_healthy();
    if (!hold_reserve() || bytes > room_) return nullptr;
    const auto reused = std::find_if(recycled_.begin(), recycled_.end(), [&](const auto& file) {
        return file->size() == bytes;
    });
    if (reused == recycled_.end()) {
        add(Work::create, name, std::string(bytes, '\0'));
    } else {
        auto before = put(name, *reused);
        recycled_.erase(reused);
        perform({.work = Work::create, .name = name, .before = std::move(before)}, 0);
    }
    return open(name);
}

bool SimDisk::replace(const std::string& name, std::string_view content) {
    check_healthy();
    if (content.size() > room_) return false;
    add(Work::replace, name, std::string(content));
    return true;
}

void SimDisk::remove(const std::string& name) {
    check_healthy();
    const std::uint64_t bytes = file(name).size();
    perform({.work = Work::remove, .name = name, .before = put(name, nullptr)}, bytes);
}

void SimDisk::recycle(const std::string& name) {
    constexpr std::size_t kRecycledMax = 4;
    std::shared_ptr<SimFile> dropped = files_.at(name);
    remove(name);
    if (recycled_.size() < kRecycledMax) recycled_.push_back(std::move(dropped));
}

void SimDisk::trim() {
    if (has_surplus()) recycled_.pop_back();
}

void SimDisk::add(Work work, const std::string& name, std::string content) {
    const std::uint64_t bytes = content.size();
    auto before = put(name, std::make_shared<SimFile>(std::move(content)));
    perform({.work = work, .name = name, .before = std::move(before)}, bytes);
}

// What had the name before.
std::shared_ptr<SimFile> SimDisk::put(const std::string& name, std::shared_ptr<SimFile> file) {
    std::shared_ptr<SimFile> before;
    if (const auto found = files_.find(name); found != files_.end()) {
        before = std::move(found->second);
        if (!taken_) room_ += std::min(before->size(), UINT64_MAX - room_);
        files_.erase(found);
    }
    if (file) {
        room_ -= std::min(file->size(), room_);
        files_[name] = std::move(file);
    }
    return before;
}

// ---- time

void SimDisk::begin(Moment now) {
    CHECK(now >= now_, "time never goes back");
    now_ = now;
    busy_until_ = std::max(busy_until_, now);
    settle(now);
}

void SimDisk::perform(Operation operation, std::uint64_t bytes) {
    const Duration takes = pace_ ? pace_(operation.work, bytes) : Duration(0);
    CHECK(takes >= Duration(0));
    operation.begin = busy_until_;
    busy_until_ += std::min(takes, Moment::max() - busy_until_);
    operation.end = busy_until_;
    journal_.push_back(std::move(operation));
    settle(now_);
}

// Operations that have ended by then can not be taken back any more.
void SimDisk::settle(Moment by) {
    auto operation = journal_.begin();
    for (; operation != journal_.end() && operation->end <= by; ++operation) {
        if (operation->work != Work::sync) continue;
        if (operation->fails)
            operation->file->fail_sync(operation->number);
        else
            operation->file->sync(operation->number);
    }
    journal_.erase(journal_.begin(), operation);
}

// ---- death

void SimDisk::crash(Moment at, Crash what, std::uint64_t seed) {
    Random random(seed);
    stop(at, &random);
    for (const auto& [name, file] : files_) file->crash(what, random);
}

void SimDisk::kill(Moment at) {
    stop(at, nullptr);
}

void SimDisk::stop(Moment at, Random* random) {
    CHECK(at >= now_, "time never goes back");
    settle(at);
    for (; !journal_.empty() && journal_.back().begin >= at; journal_.pop_back())
        take_back(journal_.back());
    if (!journal_.empty()) {
        CHECK(journal_.size() == 1, "operations do not overlap");
        interrupt(journal_.back(), at, random);
        journal_.clear();
    }
    now_ = busy_until_ = at;
    recycled_.clear();
    ++life_;
    failed_ = false;
    good_syncs_ = UINT64_MAX;
}

void SimDisk::take_back(const Operation& operation) {
    switch (operation.work) {
        case Work::write:
            return operation.file->shorten_last_write(0);
        case Work::create:
        case Work::replace:
        case Work::remove:
            put(operation.name, operation.before);
            return;
        case Work::sync:
        case Work::read:
            return;
    }
}

// A sync that is interrupted has made anything durable or nothing: as what was never synced.
void SimDisk::interrupt(const Operation& operation, Moment at, Random* random) {
    const auto done = [&](std::uint64_t bytes) {
        return done_by(at, operation.begin, operation.end, bytes);
    };
    switch (operation.work) {
        case Work::write:
            return operation.file->shorten_last_write(done(operation.file->last_write_bytes()));
        case Work::create:
        case Work::replace:
        case Work::remove:
            if (random ? random->below(2) == 0 : done(2) == 0) take_back(operation);
            return;
        case Work::sync:
        case Work::read:
            return;
    }
}

// ---- in the hands of a test or a fault

SimFile& SimDisk::file(const std::string& name) const {
    const auto found = files_.find(name);
    CHECK(found != files_.end(), name);
    return *found->second;
}

const std::string& SimDisk::content(const std::string& name) const {
    return file(name).content();
}

const std::string& SimDisk::durable(const std::string& name) const {
    return file(name).durable();
}

void SimDisk::overwrite(const std::string& name, std::uint64_t offset, std::string_view bytes) {
    file(name).overwrite(offset, bytes);
}

void SimDisk::flip_bit(const std::string& name, std::uint64_t offset, int bit) {
    const char byte = static_cast<char>(content(name).at(offset) ^ (1 << bit));
    overwrite(name, offset, {&byte, 1});
}

void SimDisk::resize(const std::string& name, std::uint64_t bytes) {
    CHECK(journal_.empty());
    file(name).resize(bytes);
}

void SimDisk::rename(const std::string& from, const std::string& to) {
    CHECK(journal_.empty());
    auto moved = files_.extract(from);
    CHECK(!moved.empty(), from);
    files_.erase(to);
    moved.key() = to;
    files_.insert(std::move(moved));
}

}  // namespace raftbus::sim
