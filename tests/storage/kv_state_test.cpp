// What every implementation of the state must do, in memory and over RocksDB, with flushes at all
// moments.
#include "storage/kv_state.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "tests/storage/kv_subject.hpp"

namespace raftbus {
namespace {

using namespace std::string_literals;
using testing::erase;
using testing::if_revision;
using testing::if_value;
using testing::Kind;
using testing::range;
using testing::set;
using testing::Subject;

class KvStateTest : public ::testing::TestWithParam<Kind> {
protected:
    Subject state{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(All, KvStateTest,
                         ::testing::Values(Kind::memory, Kind::rocksdb, Kind::rocksdb_flushed,
                                           Kind::rocksdb_three_layers),
                         testing::name_of);

TEST_P(KvStateTest, StartsEmpty) {
    EXPECT_EQ(state->applied(), EntryId());
    EXPECT_EQ(state->flushed(), EntryId());
    EXPECT_EQ(state->digest(), 0U);
    EXPECT_EQ(state->keys(), 0U);
    EXPECT_FALSE(state->wants_flush());
    EXPECT_EQ(state.get("k"), "-");
    EXPECT_EQ(state.scan(range("", {})), "");
}

TEST_P(KvStateTest, GivesBackWhatWasSet) {
    EXPECT_EQ(state.apply(set("colour", "red")), CommandOutcome(Written{1, false}));
    EXPECT_EQ(state.get("colour"), "red@1");
    EXPECT_EQ(state.get("colou"), "-");
    EXPECT_EQ(state.get("colours"), "-");
    state.apply(set("colour", "much longer than red"));
    EXPECT_EQ(state.get("colour"), "much longer than red@2");
    state.apply(set("colour", ""));
    EXPECT_EQ(state.get("colour"), "@3");
}

TEST_P(KvStateTest, DeletesWhatIsThere) {
    state.apply(set("k", "v"));
    EXPECT_EQ(state.apply(erase("k")), CommandOutcome(Written{2, true}));
    EXPECT_EQ(state.get("k"), "-");
    EXPECT_EQ(state.apply(erase("k")), CommandOutcome(Written{3, false}));
    EXPECT_EQ(state.apply(erase("never")), CommandOutcome(Written{4, false}));
    state.apply(set("k", "again"));
    EXPECT_EQ(state.get("k"), "again@5");
}

TEST_P(KvStateTest, CountsOneIndexPerCommand) {
    EXPECT_EQ(state.apply({set("a", "1"), Command{}, set("b", "2"), erase("a")}),
              (std::vector<CommandOutcome>{Written{1, false}, Written{2, false}, Written{3, false},
                                           Written{4, true}}));
    state.apply_no_op_entry();
    EXPECT_EQ(state->applied(), (EntryId{LogIndex(5), Term(1)}));
    state.apply(set("c", "3"));
    EXPECT_EQ(state.get("b"), "2@3");
    EXPECT_EQ(state.get("c"), "3@6");
}

TEST_P(KvStateTest, SetsOnlyIfTheRevisionIsTheOneNamed) {
    EXPECT_EQ(state.apply(if_revision(1, set("k", "v"))),
              CommandOutcome(ConditionFailed{false, 0}));
    EXPECT_EQ(state.apply(if_revision(0, set("k", "first"))), CommandOutcome(Written{2, false}));
    EXPECT_EQ(state.apply(if_revision(0, set("k", "v"))), CommandOutcome(ConditionFailed{true, 2}));
    EXPECT_EQ(state.apply(if_revision(3, set("k", "v"))), CommandOutcome(ConditionFailed{true, 2}));
    EXPECT_EQ(state.get("k"), "first@2");
    EXPECT_EQ(state.apply(if_revision(2, set("k", "second"))), CommandOutcome(Written{5, false}));
    EXPECT_EQ(state.get("k"), "second@5");
}

TEST_P(KvStateTest, SetsOnlyIfTheValueIsTheOneNamed) {
    EXPECT_EQ(state.apply(if_value("", set("k", "v"))), CommandOutcome(ConditionFailed{false, 0}));
    state.apply(set("k", "old"));
    EXPECT_EQ(state.apply(if_value("ol", set("k", "v"))), CommandOutcome(ConditionFailed{true, 2}));
    EXPECT_EQ(state.apply(if_value("old", set("k", "new"))), CommandOutcome(Written{4, false}));
    EXPECT_EQ(state.get("k"), "new@4");
}

TEST_P(KvStateTest, HoldsBothConditionsWhenBothAreGiven) {
    state.apply(set("k", "old"));
    const auto both = [](std::uint64_t revision, std::string_view value) {
        return if_revision(revision, if_value(value, set("k", "new")));
    };
    EXPECT_EQ(state.apply(both(1, "other")), CommandOutcome(ConditionFailed{true, 1}));
    EXPECT_EQ(state.apply(both(9, "old")), CommandOutcome(ConditionFailed{true, 1}));
    EXPECT_EQ(state.apply(both(0, "old")), CommandOutcome(ConditionFailed{true, 1}));
    EXPECT_EQ(state.apply(both(1, "old")), CommandOutcome(Written{5, false}));
}

TEST_P(KvStateTest, DeletesUnderTheSameConditions) {
    state.apply(set("k", "v"));
    EXPECT_EQ(state.apply(if_revision(0, erase("k"))), CommandOutcome(ConditionFailed{true, 1}));
    EXPECT_EQ(state.apply(if_value("w", erase("k"))), CommandOutcome(ConditionFailed{true, 1}));
    EXPECT_EQ(state.apply(if_revision(1, if_value("v", erase("k")))),
              CommandOutcome(Written{4, true}));
    EXPECT_EQ(state.apply(if_revision(1, erase("k"))), CommandOutcome(ConditionFailed{false, 0}));
    EXPECT_EQ(state.apply(if_revision(0, erase("k"))), CommandOutcome(Written{6, false}));
}

TEST_P(KvStateTest, SeesEarlierCommandsOfTheSameBatch) {
    EXPECT_EQ(state.apply({if_revision(0, set("k", "1")), if_revision(0, set("k", "2")),
                           if_value("1", set("k", "3")), if_revision(3, erase("k"))}),
              (std::vector<CommandOutcome>{Written{1, false}, ConditionFailed{true, 1},
                                           Written{3, false}, Written{4, true}}));
}

TEST_P(KvStateTest, KeepsLargeValuesAndKeys) {
    const std::string key(4 << 10, 'k');
    const std::string value(1 << 20, 'v');
    state.apply(set(key, value));
    state.apply(set(key + "2", "small"));
    EXPECT_EQ(state.get(key), value + "@1");
    EXPECT_EQ(state.get(key + "2"), "small@2");
}

TEST_P(KvStateTest, ScansHalfOpenInKeyOrder) {
    for (const char* key : {"b", "d", "a", "ca", "c"}) state.apply(set(key, "v"));
    EXPECT_EQ(state.scan(range("", {})), "a=v@3 b=v@1 c=v@5 ca=v@4 d=v@2 ");
    EXPECT_EQ(state.scan(range("b", "d")), "b=v@1 c=v@5 ca=v@4 ");
    EXPECT_EQ(state.scan(range("bb", "c")), "");
    EXPECT_EQ(state.scan(range("c", "d")), "c=v@5 ca=v@4 ");
    EXPECT_EQ(state.scan(range("d", {})), "d=v@2 ");
    EXPECT_EQ(state.scan(range("e", {})), "");
    EXPECT_EQ(state.scan(range("c", "c")), "");
    EXPECT_EQ(state.scan(range("d", "a")), "");
}

TEST_P(KvStateTest, OrdersKeysByUnsignedBytes) {
    const std::vector<std::string> sorted = {"",
                                             "\x00"s,
                                             "\x00\x00"s,
                                             "a",
                                             "a\x00"s,
                                             "a\x00\xff"s,
                                             "a\x01",
                                             "abcdefghijklmnopqrst",
                                             "abcdefghijklmnopqrst\x00"s,
                                             "abcdefghijklmnopqrstu",
                                             "abcdefghijklmnopqrstv",
                                             "abcdefghijklz",
                                             "a\x7f",
                                             "a\x80",
                                             "a\xff",
                                             "b",
                                             "\xff",
                                             "\xff\xff"};
    std::vector<std::string> mixed = sorted;
    std::mt19937_64 random(5);
    for (std::size_t i = mixed.size(); i > 1; --i) std::swap(mixed[i - 1], mixed[random() % i]);
    for (const std::string& key : mixed) state.apply(set(key, key));

    const ScanAnswer all = state->scan(range("", {}));
    ASSERT_EQ(all.items.size(), sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        EXPECT_EQ(all.items[i].key.view(), sorted[i]) << i;
        EXPECT_EQ(all.items[i].value.view(), sorted[i]) << i;
        for (std::size_t j = i; j < sorted.size(); ++j)
            EXPECT_EQ(state->scan(range(sorted[i], sorted[j])).items.size(), j - i);
    }
    EXPECT_EQ(state->scan(range("a\xff", "b")).items.size(), 1U) << "all with a prefix";
}

TEST_P(KvStateTest, ScansNoFurtherThanTheLimits) {
    for (const char* key : {"a", "b", "c"}) state.apply(set(key, "12345"));
    ScanQuery query = range("", {});
    query.limit = 2;
    EXPECT_EQ(state.scan(query), "a=12345@1 b=12345@2 ...");
    query.limit = 3;
    EXPECT_EQ(state.scan(query), "a=12345@1 b=12345@2 c=12345@3 ");
    query.limit = 0;
    EXPECT_EQ(state.scan(query), "...");
    query = range("", {});
    query.bytes_max = 12;
    EXPECT_EQ(state.scan(query), "a=12345@1 b=12345@2 ...");
    query.bytes_max = 11;
    EXPECT_EQ(state.scan(query), "a=12345@1 ...");
    query.bytes_max = 0;
    EXPECT_EQ(state.scan(query), "a=12345@1 ...") << "one item always goes, so that scans get on";
    query.bytes_max = 3;
    query.keys_only = true;
    EXPECT_EQ(state.scan(query), "a=@1 b=@2 c=@3 ");
    query = range("a", "c");
    query.limit = 2;
    EXPECT_EQ(state.scan(query), "a=12345@1 b=12345@2 ") << "what lies beyond the end is not more";
}

TEST_P(KvStateTest, ScansOverDeletedAndOverwrittenKeys) {
    for (const char* key : {"a", "b", "c", "d"}) state.apply(set(key, "old"));
    state.apply(erase("b"));
    state.apply(set("c", "new"));
    state.apply(erase("d"));
    state.apply(set("d", "back"));
    state.apply(erase("a"));
    EXPECT_EQ(state.scan(range("", {})), "c=new@6 d=back@8 ");
    ScanQuery query = range("", {});
    query.limit = 1;
    EXPECT_EQ(state.scan(query), "c=new@6 ...");
    state.apply(erase("d"));
    EXPECT_EQ(state.scan(query), "c=new@6 ") << "deleted keys are not more";
}

TEST_P(KvStateTest, HasADigestThatNeverChanges) {
    state.apply_no_op_entry();
    state.apply({set("a", "1"), if_revision(9, set("a", "2")), erase("a"), erase("a"), Command{}});
    EXPECT_EQ(state->digest(), 0x208df6a8a9f0543eU) << "what nodes of other versions have too";
}

TEST_P(KvStateTest, HasAnotherDigestForEveryOtherHistory) {
    const auto digest = [](const std::vector<Command>& commands) {
        Subject other(Kind::memory);
        other.apply(commands);
        return other->digest();
    };
    const std::vector<std::vector<Command>> histories = {
        {set("a", "1")},
        {set("a", "2")},
        {set("b", "1")},
        {set("", "a1")},
        {erase("a")},
        {Command{}},
        {Command{}, set("a", "1")},
        {set("a", "1"), Command{}},
        {set("a", "1"), if_value("1", set("a", "2"))},
        {set("a", "1"), if_value("2", set("a", "2"))},
        {set("a", "1"), if_value("2", erase("a"))},
        {set("a", "1"), erase("a")},
        {set("a", "1"), erase("b")},
    };
    std::map<std::uint64_t, std::size_t> seen;
    for (std::size_t i = 0; i < histories.size(); ++i) {
        const auto [at, is_new] = seen.emplace(digest(histories[i]), i);
        EXPECT_TRUE(is_new) << i << " and " << at->second;
    }
    for (const auto& [digest, i] : seen) {
        Subject other(GetParam());
        other.apply(histories[i]);
        EXPECT_EQ(other->digest(), digest) << i;
    }
}

TEST_P(KvStateTest, RefusesWhatDoesNotFollow) {
    state.apply(set("k", "v"));
    const std::vector<Command> one = {set("k", "w")};
    EXPECT_THROW(state->apply(testing::batch_of(LogIndex(1), Term(1), one), nullptr), CheckFailed);
    EXPECT_THROW(state->apply(testing::batch_of(LogIndex(3), Term(1), one), nullptr), CheckFailed);
    EXPECT_THROW(state->apply(testing::batch_of(LogIndex(2), Term(0), one), nullptr), CheckFailed);
    EXPECT_EQ(state.get("k"), "v@1");
}

// Gateways make no such body and leaders refuse it; a log of before may hold one.
TEST_P(KvStateTest, TakesOfABodyWhatItsHeaderCountsAndWhatCanBeRead) {
    Batch batch = testing::batch_of(LogIndex(1), Term(1), {set("k", "v")});
    batch.header.count = 2;
    state->apply(batch, nullptr);
    EXPECT_EQ(state.get("k"), "v@1");
    EXPECT_EQ(state->applied().index, LogIndex(2));
    Subject other(GetParam());
    batch = testing::batch_of(LogIndex(1), Term(1), {set("k", "v"), set("l", "v")});
    batch.header.count = 1;
    other->apply(batch, nullptr);
    EXPECT_EQ(other.get("k"), "v@1");
    EXPECT_EQ(other->applied().index, LogIndex(1));
}

// ---- against a model

// A simple state that is plainly right.
class Model {
public:
    CommandOutcome apply(const Command& command) {
        ++index_;
        const auto at = keys_.find(std::string(command.key));
        const bool found = at != keys_.end();
        if (command.kind == CommandKind::no_op) return Written{index_, false};
        const std::uint64_t revision = found ? at->second.second : 0;
        if ((command.if_revision && *command.if_revision != revision) ||
            (command.if_value && !(found && at->second.first == *command.if_value)))
            return ConditionFailed{found, revision};
        if (command.kind == CommandKind::set) {
            keys_[std::string(command.key)] = {std::string(command.value), index_};
            return Written{index_, false};
        }
        if (found) keys_.erase(at);
        return Written{index_, found};
    }
    std::string scan(const std::string& start, const std::string& end, std::size_t limit) const {
        std::string text;
        for (auto at = keys_.lower_bound(start); at != keys_.end() && at->first < end; ++at) {
            if (limit-- == 0) return text + "...";
            text +=
                at->first + "=" + at->second.first + "@" + std::to_string(at->second.second) + " ";
        }
        return text;
    }

private:
    std::map<std::string, std::pair<std::string, std::uint64_t>> keys_;
    std::uint64_t index_ = 0;
};

// Draws commands on few keys, so that they meet.
class Draw {
public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    std::string key() {
        std::string key = "key-" + std::to_string(below(40));
        return below(3) == 0 ? key + std::string(20, '.') : key;  // some longer than a node holds
    }
    std::string value() { return std::string(below(30), static_cast<char>('a' + below(3))); }
    const std::string& keep(std::string text) { return kept_.emplace_back(std::move(text)); }
    Command command(std::uint64_t newest_index) {
        Command command;
        switch (below(8)) {
            case 0:
                return command;
            case 1:
            case 2:
                command = erase(keep(key()));
                break;
            default:
                command = set(keep(key()), keep(value()));
        }
        if (below(4) == 0) command.if_revision = below(3) == 0 ? 0 : below(newest_index + 1);
        if (below(5) == 0) command.if_value = keep(value());
        return command;
    }

private:
    std::mt19937_64 random_;
    std::deque<std::string> kept_;
};

TEST_P(KvStateTest, DoesWhatAModelDoesOnRandomCommands) {
    Draw draw(0x5eed);
    Model model;
    for (int round = 0; round < 200; ++round) {
        std::vector<Command> commands;
        std::vector<CommandOutcome> expected;
        for (std::uint64_t i = draw.below(6) + 1; i > 0; --i) {
            commands.push_back(draw.command(state->applied().index.value));
            expected.push_back(model.apply(commands.back()));
        }
        ASSERT_EQ(state.apply(commands), expected) << "round " << round;
        ScanQuery query = range(draw.key(), draw.key());
        query.limit = draw.below(30);
        const std::string start(query.start.view());
        const std::string end(query.end->view());
        ASSERT_EQ(state.scan(query), start < end ? model.scan(start, end, query.limit) : "")
            << "round " << round;
    }
    EXPECT_EQ(state.scan(range("", {})), model.scan("", "\xff", 1000));
}

TEST(KvStates, HaveEqualDigestsWhereverTheyFlush) {
    Subject memory(Kind::memory);
    Subject flushed(Kind::rocksdb_flushed);
    Subject layers(Kind::rocksdb_three_layers);
    Draw draw(77);
    for (int round = 0; round < 200; ++round) {
        std::vector<Command> commands;
        for (std::uint64_t i = draw.below(9) + 1; i > 0; --i)
            commands.push_back(draw.command(memory->applied().index.value));
        const std::vector<CommandOutcome> outcomes = memory.apply(commands);
        ASSERT_EQ(flushed.apply(commands), outcomes) << "round " << round;
        ASSERT_EQ(layers.apply(commands), outcomes) << "round " << round;
        ASSERT_EQ(flushed->digest(), memory->digest()) << "round " << round;
        ASSERT_EQ(layers->digest(), memory->digest()) << "round " << round;
    }
}

}  // namespace
}  // namespace raftbus
