// Transactions: several keys tested and changed as one command.
#include <gtest/gtest.h>

#include "messages/msgpack_reader.hpp"
#include "storage/transaction.hpp"
#include "tests/storage/kv_subject.hpp"

namespace raftbus {
namespace {

using testing::in_session;
using testing::Kind;
using testing::open_session;
using testing::set;
using testing::Subject;

TransactionStep put(std::string_view key, std::string_view value, std::uint64_t ttl_ms = 0) {
    return {.kind = StepKind::set, .key = key, .value = value, .ttl_ms = ttl_ms};
}
TransactionStep remove(std::string_view key) {
    return {.kind = StepKind::erase, .key = key};
}
TransactionStep read(std::string_view key) {
    return {.kind = StepKind::get, .key = key};
}
TransactionStep scan(std::string_view start, std::string_view end, std::uint64_t limit = 100) {
    return {.kind = StepKind::scan, .key = start, .end = end, .limit = limit};
}
TransactionCondition value_is(std::string_view key, std::string_view value) {
    return {.key = key, .value = value};
}
TransactionCondition revision_is(std::string_view key, std::uint64_t revision) {
    return {.key = key, .revision = revision};
}
TransactionCondition present(std::string_view key, bool present) {
    return {.key = key, .present = present};
}

Transaction of(std::vector<TransactionCondition> conditions, std::vector<TransactionStep> then,
               std::vector<TransactionStep> otherwise = {}) {
    return {.items_max = 1'000,
            .bytes_max = 1 << 20,
            .conditions = std::move(conditions),
            .then = std::move(then),
            .otherwise = std::move(otherwise)};
}

std::string packed(const Transaction& transaction) {
    std::string bytes;
    append_transaction(bytes, transaction);
    return bytes;
}

// One value of the reply, as JSON with bytes as text.
std::string text(MsgpackReader& in) {
    MsgpackValue value;
    EXPECT_TRUE(in.enter(value));
    std::string all;
    switch (value.kind) {
        case MsgpackKind::nil:
            return "null";
        case MsgpackKind::boolean:
            return value.boolean ? "true" : "false";
        case MsgpackKind::unsigned_integer:
            return std::to_string(value.number);
        case MsgpackKind::array:
            for (std::uint64_t i = 0; i < value.number; ++i) all += (i ? "," : "") + text(in);
            return "[" + all + "]";
        case MsgpackKind::map:
            for (std::uint64_t i = 0; i < value.number; ++i) {
                const std::string name = text(in);
                all += (i ? "," : "") + name + ":" + text(in);
            }
            return "{" + all + "}";
        default:
            return '"' + std::string(value.bytes) + '"';
    }
}

// What the client is told.
std::string text(const CommandOutcome& outcome) {
    const auto* transacted = std::get_if<Transacted>(&outcome);
    if (!transacted) return "nothing";
    const std::string map = "\x83" + std::string(transacted->reply.view());
    MsgpackReader in(map);
    return text(in);
}

class KvTransactionTest : public ::testing::TestWithParam<Kind> {
protected:
    CommandOutcome apply(const Transaction& transaction) {
        const std::string bytes = packed(transaction);
        return state.apply(testing::transaction(bytes));
    }
    Subject state{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(All, KvTransactionTest,
                         ::testing::Values(Kind::memory, Kind::rocksdb, Kind::rocksdb_flushed,
                                           Kind::rocksdb_three_layers),
                         testing::name_of);

TEST_P(KvTransactionTest, CarriesOutOneBranchOrTheOther) {
    state.apply(set("k", "v"));
    EXPECT_EQ(text(apply(of({value_is("k", "v")}, {put("a", "1")}, {put("a", "2")}))),
              R"({"succeeded":true,"revision":2,"results":[{"revision":2}]})");
    EXPECT_EQ(state.get("a"), "1@2");
    EXPECT_EQ(text(apply(of({value_is("k", "w")}, {put("a", "1")}, {put("a", "2"), remove("k")}))),
              R"({"succeeded":false,"revision":3,"results":[{"revision":3},)"
              R"({"revision":3,"found":true}]})");
    EXPECT_EQ(state.get("a"), "2@3");
    EXPECT_EQ(state.get("k"), "-");
}

TEST_P(KvTransactionTest, AllConditionsHaveToHold) {
    state.apply(set("k", "v"));
    const auto holds = [&](std::vector<TransactionCondition> conditions) {
        return text(apply(of(std::move(conditions), {}))).find("\"succeeded\":true") !=
               std::string::npos;
    };
    EXPECT_TRUE(holds({}));
    EXPECT_TRUE(holds({value_is("k", "v"), revision_is("k", 1), present("k", true)}));
    EXPECT_TRUE(holds({revision_is("other", 0), present("other", false)}));
    EXPECT_FALSE(holds({value_is("k", "v"), present("other", true)}));
    EXPECT_FALSE(holds({value_is("other", "")}));
    EXPECT_FALSE(holds({revision_is("k", 2)}));
    EXPECT_FALSE(holds({revision_is("k", 0)}));
    EXPECT_FALSE(holds({present("k", false)}));
}

TEST_P(KvTransactionTest, LaterStepsSeeEarlierOnes) {
    EXPECT_EQ(
        text(apply(of({}, {read("k"), put("k", "1"), read("k"), put("l", "2"), scan("a", "z"),
                           remove("k"), read("k"), remove("k"), scan("a", "z")}))),
        R"({"succeeded":true,"revision":1,"results":[{"found":false,"value":null,"revision":0},)"
        R"({"revision":1},{"found":true,"value":"1","revision":1},{"revision":1},)"
        R"({"items":[["k","1",1],["l","2",1]],"more":false},)"
        R"({"revision":1,"found":true},{"found":false,"value":null,"revision":0},)"
        R"({"revision":1,"found":false},{"items":[["l","2",1]],"more":false}]})");
}

TEST_P(KvTransactionTest, ConditionsSeeWhatStoodBefore) {
    apply(of({present("k", false)}, {put("k", "1")}));
    EXPECT_EQ(text(apply(of({present("k", false)}, {put("k", "2")}, {read("k")}))),
              R"({"succeeded":false,"revision":2,"results":[{"found":true,"value":"1",)"
              R"("revision":1}]})");
}

TEST_P(KvTransactionTest, SetsWithATime) {
    state.at_ms(1'000);
    apply(of({}, {put("k", "v", 500), put("l", "v", 500), put("l", "w")}));
    state.at_ms(1'500);
    state.apply_no_op_entry();
    EXPECT_EQ(state.get("k"), "-");
    EXPECT_EQ(state.get("l"), "w@1");
}

TEST_P(KvTransactionTest, ThatWouldReadTooMuchDoesNothing) {
    state.apply(set("k", "12345"));
    Transaction transaction = of({}, {put("a", "v"), read("k"), put("k", "1234567"), read("k")});
    transaction.bytes_max = 11;
    EXPECT_EQ(apply(transaction), CommandOutcome(AnswerTooLarge{12, 11}));
    EXPECT_EQ(state.get("a"), "-");
    EXPECT_EQ(state.get("k"), "12345@1");
    transaction.bytes_max = 12;
    EXPECT_NE(text(apply(transaction)), "nothing");
}

TEST_P(KvTransactionTest, ItsScansShareTheLimits) {
    for (const char* key : {"a", "b", "c"}) state.apply(set(key, "1234"));
    Transaction transaction = of({}, {scan("a", "z", 2), scan("a", "z"), scan("b", "z")});
    transaction.items_max = 4;
    EXPECT_EQ(text(apply(transaction)), R"({"succeeded":true,"revision":4,"results":[)"
                                        R"({"items":[["a","1234",1],["b","1234",2]],"more":true},)"
                                        R"({"items":[["a","1234",1],["b","1234",2]],"more":true},)"
                                        R"({"items":[],"more":true}]})");
    transaction = of({}, {scan("a", "z"), scan("a", "z"), read("a")});
    transaction.bytes_max = 4 + 11;
    EXPECT_EQ(text(apply(transaction)), R"({"succeeded":true,"revision":5,"results":[)"
                                        R"({"items":[["a","1234",1],["b","1234",2]],"more":true},)"
                                        R"({"items":[["a","1234",1]],"more":true},)"
                                        R"({"found":true,"value":"1234","revision":1}]})");
}

TEST_P(KvTransactionTest, OfASessionIsCarriedOutOnce) {
    state.apply(open_session());
    const std::string bytes = packed(of({present("k", false)}, {put("k", "1"), read("k")}));
    const Command command = in_session(1, 1, testing::transaction(bytes));
    const CommandOutcome outcome = state.apply(command);
    EXPECT_EQ(text(outcome), R"({"succeeded":true,"revision":2,"results":[{"revision":2},)"
                             R"({"found":true,"value":"1","revision":2}]})");
    EXPECT_EQ(state.apply(command), outcome);
    EXPECT_EQ(state.get("k"), "1@2");
}

TEST(KvTransactions, CountInTheDigest) {
    const auto digest = [](const Transaction& transaction) {
        const std::string bytes = packed(transaction);
        Subject state(Kind::memory);
        state.apply(testing::transaction(bytes));
        return state->digest();
    };
    const std::uint64_t base = digest(of({}, {put("k", "1")}));
    EXPECT_EQ(digest(of({}, {put("k", "1")})), base);
    EXPECT_NE(digest(of({}, {put("k", "2")})), base);
    EXPECT_NE(digest(of({}, {}, {put("k", "1")})), base);
}

TEST(Transaction, ComesBackAsItWasPacked) {
    Transaction all = of({value_is("a", "b"), revision_is("c", 0), present("d", false)},
                         {put("e", "f", 7), remove("g"), read("h")}, {scan("i", "j", 5)});
    all.otherwise.push_back({.kind = StepKind::scan, .key = "", .limit = 1, .keys_only = true});
    const std::string bytes = packed(all);
    const Result<Transaction> read = read_transaction(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, all);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(read_transaction(std::string_view(bytes).substr(0, size))) << size;
    EXPECT_FALSE(read_transaction(bytes + "x"));
}

}  // namespace
}  // namespace raftbus
