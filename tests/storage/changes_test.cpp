// What commands are told to have done, when they do it and later, from the log and its footnotes:
// twice the same, whatever was flushed in between.
#include <gtest/gtest.h>

#include "messages/batch.hpp"
#include "storage/change_history.hpp"
#include "storage/transaction.hpp"
#include "tests/storage/kv_subject.hpp"

namespace raftbus {
namespace {

using testing::Kind;
using testing::Subject;

std::string to_text(const Change& change) {
    constexpr std::string_view names[] = {"set", "delete", "expire"};
    return std::string(names[static_cast<std::size_t>(change.event)]) + " " +
           std::string(change.key) +
           (change.event == KeyEvent::set ? "=" + std::string(change.value) : std::string()) + "@" +
           std::to_string(change.revision) + "\n";
}

struct Told : ChangeSink {
    void on_change(const Change& change) override { text += to_text(change); }
    std::string text;
};

// A state, its log, and what was told of it.
class Watched {
public:
    explicit Watched(Kind kind) : subject(kind) { subject->tell_changes_to(&live); }

    void apply(const std::vector<Command>& commands) {
        Batch batch = testing::batch_of(subject.next(), Term(1), commands);
        batch.header.time = time;
        log.push_back(batch);
        subject.apply(commands);
    }
    void at_ms(std::int64_t ms) {
        time = WallTime(ms * 1'000);
        subject.at_ms(ms);
    }
    std::string history(LogIndex from = LogIndex(1)) {
        Told told;
        for (const Batch& batch : log)
            if (batch.header.first >= from) tell_changes(batch, subject->footnotes(), told);
        return told.text;
    }

    Subject subject;
    Told live;
    std::vector<Batch> log;
    WallTime time;
};

Command set(std::string_view key, std::string_view value, std::uint64_t ttl_ms = 0) {
    Command command{CommandKind::set, key, value};
    command.ttl_ms = ttl_ms;
    return command;
}
Command erase(std::string_view key) {
    return {CommandKind::erase, key};
}
Command of_session(Command command, std::uint64_t session, std::uint64_t seq) {
    command.session = session;
    command.seq = seq;
    return command;
}

class Changes : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(States, Changes,
                         ::testing::Values(Kind::memory, Kind::rocksdb, Kind::rocksdb_flushed,
                                           Kind::rocksdb_three_layers),
                         testing::name_of);

TEST_P(Changes, OnlyWhatHappenedIsTold) {
    Watched state(GetParam());
    state.apply({set("a", "1"), set("b", "2")});
    state.apply({erase("nothing"), erase("a")});
    Command fails = set("b", "3");
    fails.if_revision = 1;
    Command holds = set("b", "4");
    holds.if_revision = 2;
    Command erase_fails = erase("b");
    erase_fails.if_value = "9";
    state.apply({fails, Command{}, holds, erase_fails});
    const std::string all = "set a=1@1\nset b=2@2\ndelete a@4\nset b=4@7\n";
    EXPECT_EQ(state.live.text, all);
    EXPECT_EQ(state.history(), all);
}

TEST_P(Changes, ARepeatOrAnUnknownSessionChangesNothing) {
    Watched state(GetParam());
    Command open;
    open.kind = CommandKind::session;
    open.ttl_ms = 1'000;
    state.apply({open});
    state.apply({of_session(set("a", "1"), 1, 1)});
    state.apply({of_session(set("a", "1"), 1, 1), of_session(set("a", "2"), 99, 1)});
    EXPECT_EQ(state.live.text, "set a=1@2\n");
    EXPECT_EQ(state.history(), state.live.text);
}

TEST_P(Changes, ExpiriesComeWithTheBatchThatBringsTheTimeAndBeforeIt) {
    Watched state(GetParam());
    state.at_ms(1'000);
    state.apply({set("b", "1", 10), set("a", "1", 10), set("c", "1", 10)});
    state.apply({set("c", "stays")});
    state.at_ms(2'000);
    state.apply({set("a", "new"), Command{}});
    const std::string all =
        "set b=1@1\nset a=1@2\nset c=1@3\nset c=stays@4\n"
        "expire a@5\nexpire b@5\nset a=new@5\n";
    EXPECT_EQ(state.live.text, all);
    EXPECT_EQ(state.history(), all);
}

std::string packed(const Transaction& transaction) {
    std::string bytes;
    append_transaction(bytes, transaction);
    return bytes;
}

TEST_P(Changes, ATransactionTellsTheStepsOfTheBranchThatWasTaken) {
    Watched state(GetParam());
    Transaction plan;
    plan.bytes_max = plan.items_max = 1'000;
    TransactionCondition there;
    there.key = "a";
    there.present = true;
    plan.conditions = {there};
    const auto step = [](StepKind kind, std::string_view key, std::string_view value = {}) {
        TransactionStep step;
        step.kind = kind;
        step.key = key;
        step.value = value;
        return step;
    };
    plan.then = {step(StepKind::erase, "gone"), step(StepKind::set, "a", "2"),
                 step(StepKind::erase, "a"), step(StepKind::erase, "a"), step(StepKind::get, "a")};
    plan.otherwise = {step(StepKind::set, "a", "1"), step(StepKind::set, "z", "1")};
    const std::string bytes = packed(plan);
    plan.bytes_max = 0;
    plan.then = {step(StepKind::set, "a", "never"), step(StepKind::get, "z")};
    plan.conditions.clear();
    const std::string too_large = packed(plan);
    state.apply({testing::transaction(bytes)});
    state.apply({testing::transaction(too_large)});
    state.apply({testing::transaction(bytes)});
    const std::string all = "set a=1@1\nset z=1@1\nset a=2@3\ndelete a@3\n";
    EXPECT_EQ(state.live.text, all);
    EXPECT_EQ(state.history(), all);
}

TEST(Footnotes, AreFlushedWithTheState) {
    for (const Kind kind : {Kind::rocksdb, Kind::rocksdb_flushed}) {
        Watched state(kind);
        state.at_ms(1'000);
        state.apply({set("a", "1", 10), erase("b")});
        state.subject.restart();
        state.subject->tell_changes_to(&state.live);
        state.at_ms(2'000);
        state.apply({erase("a")});
        state.subject.restart();
        EXPECT_EQ(state.live.text, "set a=1@1\nexpire a@3\n");
        EXPECT_EQ(state.history(), state.live.text);
        EXPECT_EQ(state.subject->footnotes().first(), LogIndex(1));
    }
}

TEST(Footnotes, AreCutWithTheLogAndStayCut) {
    Watched state(Kind::rocksdb);
    state.apply({erase("a"), set("b", "1"), erase("a")});
    state.subject->log_begins_at(LogIndex(2));
    state.subject.restart();
    EXPECT_EQ(state.subject->footnotes().first(), LogIndex(2));
    EXPECT_FALSE(state.subject->footnotes().between(LogIndex(3), LogIndex(3)).empty());
    state.subject->log_begins_at(LogIndex(4));
    state.subject.restart();
    EXPECT_EQ(state.subject->footnotes().first(), LogIndex(4));
    EXPECT_EQ(state.subject->footnotes().bytes(), 0U);
}

TEST(Footnotes, AreFoundInWhateverPageTheyAre) {
    Footnotes notes({.page_bytes = 64, .bytes_max = 1 << 20});
    for (std::uint64_t index = 3; index < 3'000; index += 3) {
        notes.add({index, Footnote::Kind::expired, "key " + std::to_string(index)});
        notes.add({index, Footnote::Kind::transaction, {}, true, {0, 200}});
    }
    for (std::uint64_t index = 1; index < 2'999; ++index) {
        const auto found = notes.between(LogIndex(index), LogIndex(index));
        ASSERT_EQ(found.size(), index % 3 == 0 ? 2U : 0U) << index;
        if (found.empty()) continue;
        EXPECT_EQ(found[0].key, "key " + std::to_string(index));
        EXPECT_TRUE(found[1].otherwise);
        EXPECT_EQ(found[1].missed, (std::vector<std::uint32_t>{0, 200}));
    }
    EXPECT_EQ(notes.between(LogIndex(1), LogIndex(2'999)).size(), 999U * 2);
}

TEST(Footnotes, TheOldestGoWhenTheyAreTooManyAndItIsKnown) {
    Footnotes notes({.page_bytes = 16, .bytes_max = 64});
    for (std::uint64_t index = 1; index <= 1'000; ++index) notes.add_nothing(index);
    EXPECT_LE(notes.bytes(), 64U);
    EXPECT_GT(notes.first(), LogIndex(900));
    EXPECT_EQ(notes.between(notes.first(), LogIndex(1'000)).size(), 1'001 - notes.first().value);
}

}  // namespace
}  // namespace raftbus
