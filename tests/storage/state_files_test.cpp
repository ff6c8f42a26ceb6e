// A state on a file system that fails: calls of the C library are replaced in this program, and fail while
// they are told to.
#include "storage/state_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "storage/kv_rocksdb.hpp"
#include "tests/testing/commands.hpp"
#include "tests/testing/temp_directory.hpp"

namespace {
int g_link_error = 0, g_sync_error = 0;

int failed_or(int error, long done) {
    if (error == 0) return static_cast<int>(done);
    errno = error;
    return -1;
}
}  // namespace

extern "C" int link(const char* from, const char* to) noexcept {
    return g_link_error ? failed_or(g_link_error, 0)
                        : failed_or(0, syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
extern "C" int fsync(int fd) {
    return g_sync_error ? failed_or(g_sync_error, 0) : failed_or(0, syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
    return g_sync_error ? failed_or(g_sync_error, 0) : failed_or(0, syscall(SYS_fdatasync, fd));
}

namespace raftbus {
namespace {

class StateFilesTest : public ::testing::Test {
protected:
    ~StateFilesTest() override { g_link_error = g_sync_error = 0; }
    std::unique_ptr<KvRocksdb> open(const std::string& name) {
        return std::move(KvRocksdb::open(directory.path() + "/" + name, options).value());
    }
    static void write(KvState& state, const std::string& key) {
        state.apply(testing::batch_of(state.applied().index.next(), Term(1), {testing::set(key, "v")}),
                    nullptr);
        state.begin_flush()();
        ASSERT_TRUE(state.end_flush());
    }

    testing::TempDirectory directory;
    KvRocksdbOptions options;
};

// FAT and others say EPERM, network file systems more.
TEST_F(StateFilesTest, WhereThereAreNoHardLinksFilesAreCopied) {
    for (const int error : {EPERM, EXDEV, EMLINK, EOPNOTSUPP}) {
        const auto from = open("from" + std::to_string(error)), to = open("to" + std::to_string(error));
        g_link_error = error;
        write(*from, "a");
        write(*from, "b");
        const auto snapshot = from->begin_snapshot()();
        ASSERT_TRUE(snapshot);
        auto incoming = to->receive_snapshot();
        ASSERT_TRUE(incoming->append(snapshot->read(0, snapshot->size())));
        const Status done = to->begin_install(std::move(incoming), snapshot->last())();
        ASSERT_TRUE(done.ok()) << done.error().message;
        to->end_install(true);
        EXPECT_TRUE(to->get("a") && to->get("b")) << error;
        g_link_error = 0;
    }
}

TEST_F(StateFilesTest, AFailedSyncIsToldWithItsCauseBeforeAnythingElseHappens) {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    options.failed = [](const std::string& what) {
        std::fputs(what.c_str(), stderr);
        std::_Exit(70);
    };
    const auto state = open("state");
    EXPECT_EXIT(
        {
            g_sync_error = EIO;
            write(*state, "a");
        },
        ::testing::ExitedWithCode(70), "the state in .*/state can not be read or written: .*check that");
}

}  // namespace
}  // namespace raftbus
