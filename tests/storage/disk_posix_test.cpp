#include "storage/disk_posix.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "messages/random.hpp"
#include "storage/log.hpp"
#include "tests/testing/log_scene.hpp"
#include "tests/testing/temp_directory.hpp"

namespace raftbus::testing {
namespace {

class DiskPosixTest : public ::testing::Test {
protected:
    std::string path() const { return root_.path() + "/some/where/n1"; }
    std::unique_ptr<Disk> open() const {
        auto disk = open_posix_disk(path());
        CHECK(disk.ok(), disk.ok() ? "" : disk.error().message);
        return std::move(disk.value());
    }

    TempDirectory root_;
};

TEST_F(DiskPosixTest, makes_its_directory_with_parents) {
    EXPECT_TRUE(open()->list().empty());
    EXPECT_TRUE(std::filesystem::is_directory(path()));
    EXPECT_TRUE(open_posix_disk(path() + "/").ok());
}

TEST_F(DiskPosixTest, a_directory_in_use_is_refused_and_the_holder_named) {
    const auto disk = open();
    const auto second = open_posix_disk(path());
    ASSERT_FALSE(second.ok());
    EXPECT_NE(second.error().message.find("(" + std::to_string(::getpid()) + ")"),
              std::string::npos);
    EXPECT_NE(second.error().message.find(path()), std::string::npos);
}

TEST_F(DiskPosixTest, the_lock_ends_with_the_disk) {
    open();
    EXPECT_TRUE(open_posix_disk(path()).ok());
}

TEST_F(DiskPosixTest, what_is_no_directory_is_refused) {
    std::ofstream(root_.path() + "/file") << "text";
    EXPECT_FALSE(open_posix_disk(root_.path() + "/file").ok());
    EXPECT_FALSE(open_posix_disk(root_.path() + "/file/below").ok());
}

// What a file takes on the disk.
std::uint64_t allocated(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? 512 * static_cast<std::uint64_t>(status.st_blocks)
                                              : 0;
}

TEST_F(DiskPosixTest, holds_room_in_reserve_until_it_is_needed) {
    constexpr std::uint64_t kReserve = 1 << 20;
    const std::string file = path() + "/reserve";
    {
        auto disk = open_posix_disk(path(), {.reserve_bytes = kReserve});
        ASSERT_TRUE(disk.ok());
        EXPECT_GE(allocated(file), kReserve);
        EXPECT_TRUE(disk.value()->list().empty()) << "no file of anybody's";
        EXPECT_TRUE(disk.value()->release_reserve());
        EXPECT_FALSE(disk.value()->release_reserve()) << "given away already";
        EXPECT_EQ(allocated(file), kReserve / 2) << "for a start";
        EXPECT_TRUE(disk.value()->release_reserve(true));
        EXPECT_EQ(allocated(file), 0u);
        EXPECT_TRUE(disk.value()->create_file("f", 1 << 16));
        EXPECT_GE(allocated(file), kReserve) << "taken back before anything else is made";
        disk.value()->release_reserve();
    }
    open_posix_disk(path(), {.reserve_bytes = kReserve});
    EXPECT_GE(allocated(file), kReserve) << "also by the next start";
    open_posix_disk(path());
    EXPECT_FALSE(std::filesystem::exists(file)) << "it is not wanted any more";
}

TEST_F(DiskPosixTest, makes_no_file_while_there_is_no_room_for_the_reserve) {
    const auto disk = open_posix_disk(path(), {.reserve_bytes = std::uint64_t{1} << 60});
    ASSERT_TRUE(disk.ok()) << "a node starts on a full disk";
    EXPECT_FALSE(disk.value()->hold_reserve());
    EXPECT_EQ(disk.value()->create_file("f", 1 << 16), nullptr);
    EXPECT_TRUE(disk.value()->replace("identity", "small things still have room"));
}

TEST_F(DiskPosixTest, writes_many_parts_in_order) {
    const auto disk = open();
    const auto file = disk->create_file("f", 1 << 16);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->size(), 1U << 16);
    std::vector<std::string> pieces;
    std::string expected;
    for (int i = 0; i < 5000; ++i) expected += pieces.emplace_back(std::to_string(i));
    file->write(100, {pieces.begin(), pieces.end()});
    file->sync();
    EXPECT_EQ(file->read(100, expected.size()), expected);
    EXPECT_EQ(file->read(0, 100), std::string(100, '\0'));
    EXPECT_EQ(file->read((1 << 16) - 3, 10).size(), 3U);
    EXPECT_TRUE(file->read(1 << 17, 10).empty());
    EXPECT_EQ(disk->open("f")->read(100, expected.size()), expected);
}

// The log's file, as who appends to it sees it, and as it is read by others meanwhile.
class AppendTest : public DiskPosixTest, public ::testing::WithParamInterface<bool> {
protected:
    static constexpr std::uint64_t kBytes = (16 << 20) + 100;  // ends inside a block

    AppendTest() {
        auto disk = open_posix_disk(path(), {.direct_appends = GetParam()});
        CHECK(disk.ok());
        disk_ = std::move(disk.value());
        CHECK(disk_->replace("f", std::string(kBytes, 'x')));
        file_ = disk_->open("f");
    }
    void append(const std::string& bytes) {
        // In two parts, as records come in several.
        const std::string_view all(bytes);
        file_->append(at_, {all.substr(0, bytes.size() / 3), all.substr(bytes.size() / 3)});
        expected_ += bytes;
        at_ += bytes.size();
    }
    std::string drawn(std::size_t bytes) {
        std::string text(bytes, '\0');
        for (char& c : text) c = static_cast<char>('a' + random_.below(26));
        return text;
    }
    void check() {
        file_->sync();
        EXPECT_EQ(disk_->open("f")->read(0, at_), expected_);
        const std::string behind = disk_->open("f")->read(at_, kBytes);
        const std::size_t changed = behind.find_last_not_of('x');
        EXPECT_LT(changed == std::string::npos ? 0 : changed,
                  kDiskBlockBytes - at_ % kDiskBlockBytes)
            << "no more than the rest of the block";
    }

    std::unique_ptr<Disk> disk_;
    std::unique_ptr<DiskFile> file_;
    std::string expected_;
    std::uint64_t at_ = 0;
    Random random_{7};
};

TEST_P(AppendTest, what_is_appended_stands_there) {
    for (int i = 0; i < 200; ++i) {
        append(drawn(1 + random_.below(i % 10 == 0 ? 100'000 : 6'000)));
        if (i % 20 == 0) check();
    }
    check();
}

TEST_P(AppendTest, whole_blocks_and_what_is_longer_than_one_call_takes) {
    append(drawn(kDiskBlockBytes));
    append(drawn(10));
    append(drawn(2 * kDiskBlockBytes - 10));
    check();
    append(drawn((4 << 20) - 1));
    append(drawn((9 << 20) + 5));
    check();
}

TEST_P(AppendTest, reads_and_other_writes_in_between_do_no_harm) {
    append(drawn(1'000));
    EXPECT_EQ(file_->read(100, 300), expected_.substr(100, 300));
    append(drawn(1'000));
    file_->write(500, {"here, too"});
    expected_.replace(500, 9, "here, too");
    append(drawn(5'000));
    check();
    file_ = disk_->open("f");  // whoever goes on knows nothing of the last block
    append(drawn(700));
    check();
}

TEST_P(AppendTest, the_last_block_of_a_file_need_not_be_whole) {
    append(drawn(kBytes - 150));
    append(drawn(100));
    append(drawn(50));
    check();
    EXPECT_EQ(disk_->open("f")->size(), kBytes);
}

INSTANTIATE_TEST_SUITE_P(Disks, AppendTest, ::testing::Bool(), [](const auto& info) {
    return info.param ? "direct" : "cached";
});

TEST_F(DiskPosixTest, appends_go_past_the_page_cache) {
    const auto disk = open();
    constexpr std::uint64_t kFileBytes = 8 << 20;
    const auto file = disk->create_file("f", kFileBytes);
    ASSERT_TRUE(file);
    file->append(0, {std::string(kFileBytes / 2, 'd')});
    file->sync();
    const int direct = ::open((path() + "/f").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (direct < 0) GTEST_SKIP() << "this file system knows no way past it";
    ::close(direct);
    const int fd = ::open((path() + "/f").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    void* const seen = ::mmap(nullptr, kFileBytes / 2, PROT_READ, MAP_SHARED, fd, 0);
    std::vector<unsigned char> pages(kFileBytes / 2 / kDiskBlockBytes);
    ASSERT_EQ(::mincore(seen, kFileBytes / 2, pages.data()), 0);
    const auto cached = std::ranges::count_if(pages, [](unsigned char page) { return page & 1; });
    struct statfs system {};
    ASSERT_EQ(::fstatfs(fd, &system), 0);
    ::munmap(seen, kFileBytes / 2);
    ::close(fd);
    if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << "this file system is a page cache";
    EXPECT_LT(cached, 10);
}

TEST_F(DiskPosixTest, zeroed_files_have_their_blocks) {
    const auto disk = open();
    for (int i = 0; i < 3; ++i) {
        const std::string name = "zeros" + std::to_string(i);
        ASSERT_TRUE(disk->create_file(name, 3'000'000));
        EXPECT_EQ(disk->open(name)->read(0, 3'000'000), std::string(3'000'000, '\0'));
        disk->prepare_file(3'000'000, i == 1 ? Blocks::reserved : Blocks::written);
        disk->prepare_file(3'000'000, Blocks::written);
    }
    ASSERT_TRUE(disk->create_file("other size", 1000));
    EXPECT_EQ(disk->open("other size")->size(), 1000U);
    ASSERT_TRUE(disk->create_file("zeros3", 3'000'000)) << "the spare was kept";
    const std::vector<std::string> names{"other size", "zeros0", "zeros1", "zeros2", "zeros3"};
    EXPECT_EQ(disk->list(), names);
}

TEST_F(DiskPosixTest, a_recycled_file_becomes_the_next_of_its_size) {
    const auto disk = open();
    disk->create_file("old", 1 << 16)->write(5, {"what stood there"});
    disk->recycle("old");
    EXPECT_THROW(disk->open("old"), DiskFailed);
    ASSERT_TRUE(disk->create_file("other size", 1000));
    EXPECT_EQ(disk->open("other size")->read(0, 1000), std::string(1000, '\0'));
    EXPECT_EQ(disk->create_file("new", 1 << 16)->read(5, 16), "what stood there");
    EXPECT_EQ(disk->create_file("newer", 1 << 16)->read(5, 16), std::string(16, '\0'));
}

TEST_F(DiskPosixTest, keeps_few_files_to_recycle_and_gives_them_back) {
    const auto disk = open();
    for (int i = 0; i < 20; ++i) {
        const std::string name = "f" + std::to_string(i);
        ASSERT_TRUE(disk->replace(name, std::string(1000, 'x')));
    }
    for (int i = 0; i < 20; ++i) disk->recycle("f" + std::to_string(i));
    EXPECT_EQ(disk->list().size(), 10U) << "under names that the next start sweeps";
    EXPECT_TRUE(disk->has_surplus());
    disk->trim();
    EXPECT_EQ(disk->list().size(), 9U) << "one at a time";
    for (int i = 0; i < 20; ++i) disk->trim();
    EXPECT_EQ(disk->list().size(), 1U) << "the next file's";
    EXPECT_FALSE(disk->has_surplus());
    EXPECT_TRUE(disk->release_reserve()) << "room is room";
    EXPECT_TRUE(disk->list().empty());
    EXPECT_FALSE(disk->release_reserve());
}

TEST_F(DiskPosixTest, recycled_files_are_swept_at_start) {
    {
        const auto disk = open();
        ASSERT_TRUE(disk->create_file("f", 1 << 16));
        disk->recycle("f");
        EXPECT_EQ(disk->list().size(), 1U);
    }
    EXPECT_TRUE(open()->list().empty());
}

TEST_F(DiskPosixTest, unfinished_files_are_swept_at_start) {
    open()->prepare_file(1 << 20, Blocks::written);
    EXPECT_TRUE(open()->list().empty());
}

TEST_F(DiskPosixTest, replaces_and_removes) {
    const auto disk = open();
    EXPECT_TRUE(disk->replace("name", "old content"));
    EXPECT_TRUE(disk->replace("name", "new"));
    EXPECT_EQ(disk->open("name")->read(0, 100), "new");
    EXPECT_EQ(disk->list(), std::vector<std::string>{"name"});
    disk->remove("name");
    EXPECT_TRUE(disk->list().empty());
    EXPECT_THROW(disk->open("name"), DiskFailed);
    EXPECT_THROW(disk->remove("name"), DiskFailed);
}

TEST_F(DiskPosixTest, carries_a_log_over_restarts) {
    LogOptions options;
    options.segment_bytes = 64 << 10;
    std::vector<Batch> batches;
    for (int round = 0; round < 3; ++round) {
        const auto disk = open();
        auto log = Log::open(*disk, options);
        ASSERT_TRUE(log.ok());
        for (int i = 0; i < 50; ++i) {
            batches.push_back(make_batch(batches.size() + 1, 1, std::string(2000, 'd')));
            ASSERT_TRUE((*log)->stage(LogIndex(0), {batches.back()}));
            if (i % 7 == 0) (*log)->sync();
        }
        (*log)->sync();
        EXPECT_EQ(all_of(**log), batches);
        (*log)->seal();
    }
}

}  // namespace
}  // namespace raftbus::testing
