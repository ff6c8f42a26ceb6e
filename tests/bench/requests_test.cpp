#include "bench/requests.hpp"

#include <gtest/gtest.h>

#include <map>
#include <msgpack.hpp>
#include <string>

namespace raftbus::bench {
namespace {

using Fields = std::map<std::string, msgpack::object>;

class RequestsTest : public ::testing::Test {
protected:
    Fields fields(std::string_view body) {
        handle_ = msgpack::unpack(body.data(), body.size());
        return handle_->as<Fields>();
    }
    static std::string bytes(const msgpack::object& object) {
        return {object.via.bin.ptr, object.via.bin.size};
    }
    msgpack::object_handle handle_;
};

TEST_F(RequestsTest, ASetBearsNumberKeyAndValue) {
    Requests requests({.keys = 10, .value_bytes = 64});
    auto set = fields(requests.make(Op::set, 0x01020304, 7));
    EXPECT_EQ(set.size(), 4u);
    EXPECT_EQ(set.at("op").as<std::string>(), "SET");
    EXPECT_EQ(set.at("id").as<std::uint32_t>(), 0x01020304u);
    EXPECT_EQ(bytes(set.at("key")), "key0000000000007");
    const std::string first = bytes(set.at("value"));
    EXPECT_EQ(first.size(), 64u);
    set = fields(requests.make(Op::set, 1, 12345));
    EXPECT_EQ(bytes(set.at("key")), "key0000000012345");
    EXPECT_NE(bytes(set.at("value")), first) << "no two are the same";
}

TEST_F(RequestsTest, ReadsBearTheirConsistency) {
    Requests plain({}), leased({.scan_limit = 7, .consistency = "lease"});
    EXPECT_EQ(fields(plain.make(Op::get, 1, 2)).size(), 3u);
    EXPECT_EQ(fields(leased.make(Op::get, 1, 2)).at("consistency").as<std::string>(), "lease");
    const auto scan = fields(leased.make(Op::scan, 3, 4));
    EXPECT_EQ(scan.at("op").as<std::string>(), "SCAN");
    EXPECT_EQ(bytes(scan.at("start")), "key0000000000004");
    EXPECT_EQ(scan.at("end").as<std::string>(), "l");
    EXPECT_EQ(scan.at("limit").as<int>(), 7);
    EXPECT_EQ(scan.size(), 6u);
}

TEST_F(RequestsTest, ValuesMayBeEmptyOrLarge) {
    for (const std::uint64_t size : {0, 1, 7, 8, 100'000}) {
        Requests requests({.value_bytes = size});
        EXPECT_EQ(bytes(fields(requests.make(Op::set, 1, 2)).at("value")).size(), size);
    }
}

template <class... Pairs>
std::string packed(std::uint32_t pairs, const Pairs&... values) {
    msgpack::sbuffer out;
    msgpack::packer<msgpack::sbuffer> packer(out);
    packer.pack_map(pairs);
    (packer.pack(values), ...);
    return {out.data(), out.size()};
}

TEST_F(RequestsTest, RepliesAreReadAsFarAsNeeded) {
    const std::string good = packed(3, "ok", true, "id", 9u, "revision", 77u);
    ASSERT_TRUE(read_reply(good));
    EXPECT_TRUE(read_reply(good)->ok);
    EXPECT_EQ(read_reply(good)->number, 9u);
    const std::string bad = packed(3, "error", "BUSY", "id", 9u, "ok", false);
    ASSERT_TRUE(read_reply(bad));
    EXPECT_FALSE(read_reply(bad)->ok);
    EXPECT_EQ(read_reply(bad)->error, "BUSY");
}

TEST_F(RequestsTest, WhatIsNoReplyIsNone) {
    EXPECT_FALSE(read_reply(""));
    EXPECT_FALSE(read_reply("garbage"));
    EXPECT_FALSE(read_reply(packed(1, "ok", true))) << "to whom?";
    EXPECT_FALSE(read_reply(packed(1, "id", 3u)));
    EXPECT_FALSE(read_reply(packed(2, "ok", true, "id", "three")));
}

}  // namespace
}  // namespace raftbus::bench
