#include "storage/identity.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/testing/log_scene.hpp"

namespace raftbus::testing {
namespace {

Identity three_nodes() {
    return {"prod-eu",
            NodeId(2),
            {{NodeId(1), true, "tcp://10.0.0.1:7239", ""},
             {NodeId(2), true, "tcp://10.0.0.2:7239", ""},
             {NodeId(3), false, "tcp://[::1]:7239", ""}}};
}

TEST(IdentityTest, comes_back_as_it_was_saved) {
    SimDisk disk;
    ASSERT_TRUE(save_identity(disk, three_nodes()));
    disk.crash(Crash::keep_nothing);
    const auto loaded = load_identity(disk);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    ASSERT_TRUE(loaded->has_value());
    EXPECT_EQ(**loaded, three_nodes());
}

TEST(IdentityTest, a_node_that_joins_is_marked_until_it_has) {
    SimDisk disk;
    Identity joining = three_nodes();
    joining.joining = true;
    ASSERT_TRUE(save_identity(disk, joining));
    EXPECT_TRUE((**load_identity(disk)).joining);
    ASSERT_TRUE(save_identity(disk, three_nodes()));
    EXPECT_FALSE((**load_identity(disk)).joining);
    forget_identity(disk);
    EXPECT_FALSE(load_identity(disk)->has_value());
}

TEST(IdentityTest, a_node_that_is_rebuilt_knows_from_where_on_it_counts) {
    SimDisk disk;
    Identity rebuilt = three_nodes();
    rebuilt.rejoin_at = LogIndex(1043);
    rebuilt.rejoin_term = Term(7);
    ASSERT_TRUE(save_identity(disk, rebuilt));
    EXPECT_NE(disk.content("identity").find("rejoin=1043 7\n"), std::string::npos);
    EXPECT_EQ(**load_identity(disk), rebuilt);
}

TEST(IdentityTest, reads_as_text) {
    SimDisk disk;
    ASSERT_TRUE(save_identity(disk, three_nodes()));
    const std::string expected =
        "# Whose data this is. Written once, by raftbus.\n"
        "format=1\n"
        "cluster=prod-eu\n"
        "node=2\n"
        "member=1 voter tcp://10.0.0.1:7239\n"
        "member=2 voter tcp://10.0.0.2:7239\n"
        "member=3 learner tcp://[::1]:7239\n"
        "crc32c=";
    EXPECT_EQ(disk.content("identity").substr(0, expected.size()), expected);
}

TEST(IdentityTest, a_new_directory_has_none) {
    SimDisk disk;
    const auto loaded = load_identity(disk);
    ASSERT_TRUE(loaded.ok());
    EXPECT_FALSE(loaded->has_value());
}

TEST(IdentityTest, any_changed_byte_is_refused) {
    SimDisk disk;
    ASSERT_TRUE(save_identity(disk, three_nodes()));
    for (std::uint64_t at = 0; at < disk.content("identity").size(); ++at) {
        disk.flip_bit("identity", at, static_cast<int>(at % 7));
        EXPECT_FALSE(load_identity(disk).ok()) << "at " << at;
        disk.flip_bit("identity", at, static_cast<int>(at % 7));
    }
    EXPECT_TRUE(load_identity(disk).ok());
}

TEST(IdentityTest, a_log_without_one_is_refused) {
    LogScene scene;
    scene.open();
    const auto loaded = load_identity(scene.disk);
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.error().message.find("identity"), std::string::npos);
}

TEST(IdentityTest, a_full_disk_is_no_room) {
    SimDisk disk;
    disk.set_room(10);
    EXPECT_FALSE(save_identity(disk, three_nodes()));
    EXPECT_TRUE(disk.list().empty());
}

TEST(IdentityTest, nodes_and_clusters_have_hashes_of_their_own) {
    std::set<std::uint64_t> hashes;
    for (const char* cluster : {"", "a", "b", "ab", "raftbus"})
        for (std::uint32_t node = 1; node <= 300; ++node)
            hashes.insert(identity_hash({cluster, NodeId(node), {}}));
    EXPECT_EQ(hashes.size(), 1500U);
    EXPECT_EQ(identity_hash({"a", NodeId(1), {}}),
              identity_hash({"a", NodeId(1), three_nodes().members}));
}

}  // namespace
}  // namespace raftbus::testing
