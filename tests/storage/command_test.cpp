#include "storage/command.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/testing/commands.hpp"

namespace raftbus {
namespace {

using namespace std::string_literals;
using testing::erase;
using testing::if_revision;
using testing::if_value;
using testing::in_session;
using testing::open_session;
using testing::set;
using testing::transaction;
using testing::ttl;

std::string packed(const Command& command) {
    std::string body;
    append_command(body, command);
    return body;
}

std::string refusal(std::string_view bytes) {
    const Result<Command> command = CommandReader(bytes).next();
    return command ? "taken" : command.error().message;
}

TEST(Command, IsAnArrayWithoutItsTrailingNils) {
    EXPECT_EQ(packed(set("k", "val")), "\x93\x01\xc4\x01k\xc4\x03val");
    EXPECT_EQ(packed(erase("k")), "\x92\x02\xc4\x01k");
    EXPECT_EQ(packed(Command{}), "\x91\x03");
    EXPECT_EQ(packed(if_revision(7, erase("k"))), "\x94\x02\xc4\x01k\xc0\x07"s);
    EXPECT_EQ(packed(if_value("", set("k", "v"))), "\x95\x01\xc4\x01k\xc4\x01v\xc0\xc4\x00"s);
}

TEST(Command, ComesBackAsItWasPacked) {
    const std::string binary("\x00\xff\x93", 3);
    const std::string large(1 << 20, 'x');
    const std::string steps = "steps";
    const std::vector<Command> commands = {
        set("k", "v"),
        set("", ""),
        set(binary, large),
        erase(binary),
        Command{},
        if_revision(0, set("k", "v")),
        if_revision(~std::uint64_t{0}, erase("k")),
        if_revision(300, if_value("old", set(std::string_view(large).substr(0, 300), binary))),
        if_value(large, erase("k")),
        ttl(5, set("k", "v")),
        ttl(~std::uint64_t{0}, if_value("", set("k", "v"))),
        open_session(1),
        transaction(steps),
        in_session(7, 1, Command{}),
        in_session(7, 2, erase("k")),
        in_session(0, 3, ttl(5, set("k", "v"))),
        in_session(8, 1'024, transaction(steps)),
    };
    std::string body;
    for (const Command& command : commands) append_command(body, command);

    CommandReader reader(body);
    for (const Command& command : commands) {
        ASSERT_FALSE(reader.done());
        const Result<Command> read = reader.next();
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, command);
    }
    EXPECT_TRUE(reader.done());
}

TEST(Command, IsReadInPlace) {
    const std::string body = packed(set("key", "value"));
    const Result<Command> read = CommandReader(body).next();
    EXPECT_EQ(read->key.data(), body.data() + 4);
    EXPECT_EQ(read->value.data(), body.data() + 9);
}

TEST(Command, ThatIsWrongIsRefusedWithTheReason) {
    EXPECT_EQ(refusal(""), "malformed command: not an array");
    EXPECT_EQ(refusal("\xc0"), "malformed command: not an array");
    EXPECT_EQ(refusal("\x90"), "malformed command: empty");
    EXPECT_EQ(refusal("\x91\xa1s"), "malformed command: its kind is not a number");
    EXPECT_EQ(refusal("\x91\x06"), "malformed command: of a kind that this version does not know");
    EXPECT_EQ(refusal("\x91\xcd\x01\x01"),
              "malformed command: of a kind that this version does not know");
    EXPECT_EQ(refusal("\x91\x04"), "malformed command: a session without a life");
    EXPECT_EQ(refusal("\x91\x05"), "malformed command: a transaction without steps");
    EXPECT_EQ(refusal("\x97\x03\xc0\xc0\xc0\xc0\xc0\x07"),
              "malformed command: a session's write without a number");
    EXPECT_EQ(refusal("\x96\x02\xc4\x01k\xc0\xc0\xc0\x05"),
              "malformed command: an erase with a time");
    EXPECT_EQ(refusal("\x93\x01\xa1k\xc4\x01v"), "malformed command: its key is not bin");
    EXPECT_EQ(refusal("\x92\x01\xc4\x01k"), "malformed command: a set without a value");
    EXPECT_EQ(refusal("\x93\x01\xc4\x01k\xc0"), "malformed command: a set without a value");
    EXPECT_EQ(refusal("\x91\x02"), "malformed command: an erase without a key");
    EXPECT_EQ(refusal("\x93\x02\xc4\x01k\xc4\x01v"), "malformed command: an erase with a value");
    EXPECT_EQ(refusal("\x92\x03\xc4\x01k"), "malformed command: a no-op with fields");
    EXPECT_EQ(refusal("\x94\x02\xc4\x01k\xc0\xff"),
              "malformed command: its if_revision is not a number");
    EXPECT_EQ(refusal("\x95\x02\xc4\x01k\xc0\xc0\x01"),
              "malformed command: its if_value is not bin");
}

TEST(Command, WithAFieldOfALaterVersionIsNotTakenForAnOlderOne) {
    EXPECT_EQ(refusal("\x99\x01\xc4\x01k\xc4\x01v\xc0\xc0\x05\x01\x01\x01"),
              "malformed command: fields that this version does not know");
}

TEST(Command, ThatIsCutShortAnywhereIsRefused) {
    const std::string whole = packed(if_revision(70'000, if_value("old", set("key", "value"))));
    ASSERT_TRUE(CommandReader(whole).next());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        // A copy of just that size, so that a sanitizer sees a read beyond its end.
        const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<long>(size));
        EXPECT_FALSE(CommandReader(std::string_view(cut.data(), cut.size())).next()) << size;
    }
    EXPECT_FALSE(CommandReader("\x93\x01\xc6\xff\xff\xff\xff").next()) << "a length of 4 GiB";
}

TEST(Command, OfAnyBytesEndsInACommandOrARefusal) {
    std::mt19937_64 random(20240607);
    const std::string seed = packed(if_revision(70'000, if_value("old", set("key", "value")))) +
                             packed(erase("k")) + packed(Command{}) +
                             packed(in_session(300, 5, ttl(9, set("k", "v")))) +
                             packed(open_session(70'000));
    std::uint64_t taken = 0;
    for (int round = 0; round < 50'000; ++round) {
        std::vector<char> bytes(seed.begin(), seed.end());
        if (round % 2 == 0) bytes.resize(random() % seed.size());
        for (std::uint64_t change = random() % 4 + 1; change > 0 && !bytes.empty(); --change)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        CommandReader reader(std::string_view(bytes.data(), bytes.size()));
        while (!reader.done()) {
            const Result<Command> command = reader.next();
            if (!command) break;
            ++taken;
            const std::string once_more = packed(*command);
            const Result<Command> again = CommandReader(once_more).next();
            ASSERT_TRUE(again);
            ASSERT_EQ(*again, *command);
        }
    }
    EXPECT_GT(taken, 0U);
}

}  // namespace
}  // namespace raftbus
