// liars_disks: disks that do not keep what they promise.
#include <map>
#include <set>

#include "sim/sim_disk.hpp"
#include "tests/planted/bug.hpp"
#include "tests/planted/liar.hpp"

namespace raftbus::planted {
namespace {

using sim::Fault;
using sim::SimDisk;

// A disk that does as the other one.
class HonestDisk : public Disk {
public:
    explicit HonestDisk(SimDisk& disk) : disk_(disk) {}

    std::vector<std::string> list() override { return disk_.list(); }
    std::unique_ptr<DiskFile> open(const std::string& name) override { return disk_.open(name); }
    std::unique_ptr<DiskFile> create_file(const std::string& name, std::uint64_t bytes) override {
        return disk_.create_file(name, bytes);
    }
    void prepare_file(std::uint64_t bytes, Blocks blocks) override {
        disk_.prepare_file(bytes, blocks);
    }
    bool replace(const std::string& name, std::string_view content) override {
        return disk_.replace(name, content);
    }
    void remove(const std::string& name) override { disk_.remove(name); }
    void recycle(const std::string& name) override { disk_.recycle(name); }
    bool has_surplus() override { return disk_.has_surplus(); }
    void trim() override { disk_.trim(); }
    bool hold_reserve() override { return disk_.hold_reserve(); }
    bool release_reserve(bool last) override { return disk_.release_reserve(last); }

protected:
    SimDisk& disk_;
};

template <class D>
class DiskLiar : public sim::Tamper {
    using Tamper::wrap;
    std::unique_ptr<Disk> wrap(NodeId, SimDisk& disk) override { return std::make_unique<D>(disk); }
};

// Every fifth sync does nothing, as one whose error is swallowed.
class SyncSwallowed : public HonestDisk {
public:
    using HonestDisk::HonestDisk;

    std::unique_ptr<DiskFile> open(const std::string& name) override {
        return std::make_unique<File>(HonestDisk::open(name), syncs_);
    }
    std::unique_ptr<DiskFile> create_file(const std::string& name, std::uint64_t bytes) override {
        auto file = HonestDisk::create_file(name, bytes);
        if (!file) return nullptr;
        return std::make_unique<File>(std::move(file), syncs_);
    }

private:
    class File : public DiskFile {
    public:
        File(std::unique_ptr<DiskFile> file, std::uint64_t& syncs)
            : file_(std::move(file)), syncs_(syncs) {}
        std::uint64_t size() const override { return file_->size(); }
        void write(std::uint64_t offset, const std::vector<std::string_view>& parts) override {
            file_->write(offset, parts);
        }
        void append(std::uint64_t offset, const std::vector<std::string_view>& parts) override {
            file_->append(offset, parts);
        }
        std::string read(std::uint64_t offset, std::size_t count) override {
            return file_->read(offset, count);
        }
        void sync() override {
            if (++syncs_ % 5 != 0) file_->sync();
        }

    private:
        const std::unique_ptr<DiskFile> file_;
        std::uint64_t& syncs_;
    };
    std::uint64_t syncs_ = 0;
};

// The directory is not synced when a file is made in it: what was made shortly before the process
// ended is not there any more when the next one looks.
class DirectoryNotSynced : public HonestDisk {
public:
    using HonestDisk::HonestDisk;

    std::vector<std::string> list() override {
        for (const auto& [name, made] : made_)
            if (disk_.busy_until() - made < kWrittenBack) disk_.remove(name);
        made_.clear();
        return HonestDisk::list();
    }
    std::unique_ptr<DiskFile> create_file(const std::string& name, std::uint64_t bytes) override {
        auto file = HonestDisk::create_file(name, bytes);
        if (file) made_[name] = disk_.busy_until();
        return file;
    }

private:
    static constexpr Duration kWrittenBack = std::chrono::seconds(5);
    std::map<std::string, Moment> made_;  // in this life
};

}  // namespace

std::vector<Bug> liars_of_disks() {
    return {
        {"sync_swallowed",
         "every fifth sync does nothing and says that it is done",
         "disk",
         200,
         {},
         make<DiskLiar<SyncSwallowed>>},
        {"directory_not_synced", "a new segment's name is lost with the power", "disk", 50,
         only({Fault::power, Fault::delay}), make<DiskLiar<DirectoryNotSynced>>},
    };
}

}  // namespace raftbus::planted
