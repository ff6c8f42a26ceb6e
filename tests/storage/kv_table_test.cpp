// The table of what changed since the last flush, against a map.
#include "storage/kv_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace raftbus::testing {
namespace {

// Short keys lie in the entry, long ones elsewhere; some are each other's beginnings.
std::string key_of(std::uint32_t number) {
    std::string key = "k" + std::to_string(number % 500);
    if (number % 3 == 0) key.append(40, 'x');
    if (number % 7 == 0) key.push_back('\0');
    return key;
}

TEST(KvTable, HoldsWhatAMapHolds) {
    struct Value {
        std::string bytes;
        std::uint64_t revision;
        WallTime expires_at;
        bool operator==(const Value&) const = default;
    };
    std::mt19937 random(11);
    KvTable table;
    std::map<std::string, std::optional<Value>> truth;
    for (std::uint64_t revision = 1; revision <= 20'000; ++revision) {
        const std::string key = key_of(random());
        const auto before = truth.find(key);
        const WallTime was =
            before != truth.end() && before->second ? before->second->expires_at : WallTime();
        if (random() % 4 == 0) {
            EXPECT_EQ(table.erase(key), was);
            truth[key] = std::nullopt;
        } else {
            const WallTime expires_at(random() % 3 == 0 ? 1 + std::int64_t(random()) : 0);
            const std::string value(random() % 200, static_cast<char>('a' + random() % 26));
            EXPECT_EQ(table.set(key, value, revision, expires_at), was);
            truth[key] = Value{value, revision, expires_at};
        }
    }
    const auto seen = [](const KvTable::Entry& entry) -> std::optional<Value> {
        if (!entry.record) return std::nullopt;
        const KvTable::Record& record = *entry.record;
        return Value{std::string(record.value()), record.revision, record.expires_at()};
    };
    auto expected = truth.begin();
    ASSERT_EQ(table.entries().size(), truth.size());
    for (const auto& [key, entry] : table.entries()) {
        EXPECT_EQ(key.view(), expected->first);
        EXPECT_EQ(seen(*entry), expected->second);
        ASSERT_EQ(table.find(key.view()), entry);
        ++expected;
    }
}

TEST(KvTable, ExpectingKeysChangesNothing) {
    KvTable table;
    std::vector<std::string> keys;
    for (std::uint32_t i = 0; i < 40; ++i) keys.push_back(key_of(i));
    for (std::uint32_t i = 0; i < 20; ++i) table.set(keys[i], "v", i + 1);
    const std::uint64_t bytes = table.bytes();
    table.expect(std::vector<std::string_view>(keys.begin(), keys.end()));
    table.expect({});
    EXPECT_EQ(table.bytes(), bytes);
    EXPECT_EQ(table.entries().size(), 20u);
    EXPECT_EQ(table.find(keys[30]), nullptr);
}

TEST(KvTable, OneThatIsMovedKeepsItsEntries) {
    KvTable table(100);
    table.set("key", "value", 3);
    const KvTable moved = std::exchange(table, KvTable(7));
    ASSERT_NE(moved.find("key"), nullptr);
    EXPECT_EQ(moved.find("key")->record->value(), "value");
    EXPECT_EQ(table.find("key"), nullptr);
    table.set("key", "other", 4);
    EXPECT_EQ(moved.find("key")->record->revision, 3u);
}

}  // namespace
}  // namespace raftbus::testing
