#include "cli/runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/shell.hpp"
#include "tests/cli/test_server.hpp"

namespace raftbus::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kBinary("\xff\0", 2);

// A store with the keys k, binary, and nothing else.
Reaction store(const Value& request) {
    const std::string_view op = request["op"].text();
    if (op == "GET") {
        const bool known = request["key"].text() != "missing";
        const Blob value{request["key"].text() == "binary" ? kBinary : "v"};
        if (!known)
            return reply({{"ok", true},
                          {"found", false},
                          {"value", Value()},
                          {"revision", std::uint64_t(0)}});
        return reply(
            {{"ok", true}, {"found", true}, {"value", value}, {"revision", std::uint64_t(7)}});
    }
    if (op == "SET" && !request["if_revision"].empty()) {
        return reply({{"ok", false},
                      {"error", "CONDITION_FAILED"},
                      {"message", "if_revision did not hold"},
                      {"executed", "no"},
                      {"found", true},
                      {"revision", std::uint64_t(7)}});
    }
    if (op == "DELETE")
        return reply({{"ok", true},
                      {"revision", std::uint64_t(9)},
                      {"found", request["key"].text() == "k"}});
    if (op == "SCAN") {
        // Two pages, of which a client must ask for the second.
        const bool first = request["start"].empty();
        const Value::List item{Blob{first ? "a" : "b"}, Blob{"1"}, std::uint64_t(3)};
        return reply({{"ok", true}, {"items", Value::List{item}}, {"more", first}});
    }
    return reply({{"ok", true}, {"revision", std::uint64_t(8)}});
}

// Three voters and a learner.
Reaction membership(const Value& request) {
    if (request["op"].text() != "MEMBERS")
        return reply({{"ok", false},
                      {"error", "BAD_REQUEST"},
                      {"message", "node 9 is not a member of this cluster"},
                      {"executed", "no"}});
    Value::List members;
    for (const std::uint64_t node : {1, 2, 3, 4})
        members.push_back(Value::Map{{"node", node},
                                     {"kind", node == 4 ? "learner" : "voter"},
                                     {"peer", "tcp://127.0.0.1:1"},
                                     {"client", ""}});
    return reply({{"ok", true}, {"members", members}});
}

class Commands : public testing::Test {
protected:
    Exit run(std::vector<std::string> words) {
        out.str("");
        err.str("");
        words.insert(words.end(), {"-e", server.endpoint()});
        return runner.run(words);
    }
    Exit run_bare(const std::vector<std::string>& words) {
        out.str("");
        err.str("");
        return runner.run(words);
    }

    TestServer server{store};
    std::ostringstream out, err;
    Runner runner{out, err, [](const std::string&) { return std::nullopt; }, Terminal{}};
};

TEST_F(Commands, GetPrintsTheBytesAsTheyAre) {
    EXPECT_EQ(run({"get", "binary"}), Exit::done);
    EXPECT_EQ(out.str(), kBinary);
    run({"get", "binary", "-o", "text"});
    EXPECT_EQ(out.str(), "\\xff\\x00\n");
    run({"get", "binary", "-o", "json"});
    EXPECT_EQ(out.str(), R"({"key":"binary","found":true,"value":{"base64":"/wA="},"revision":7})"
                         "\n");
}

TEST_F(Commands, AMissingKeyIsAnAnswerOfNo) {
    EXPECT_EQ(run({"get", "missing"}), Exit::answered_no);
    EXPECT_EQ(out.str(), "");
    EXPECT_THAT(err.str(), HasSubstr("\"missing\" not found"));
    EXPECT_EQ(run({"delete", "missing"}), Exit::answered_no);
    EXPECT_EQ(run({"delete", "k"}), Exit::done);
}

TEST_F(Commands, AFailedConditionSaysWhatStands) {
    EXPECT_EQ(run({"set", "k", "v", "--if-absent"}), Exit::answered_no);
    EXPECT_THAT(err.str(), AllOf(HasSubstr("CONDITION_FAILED"), HasSubstr("revision 7")));
    EXPECT_EQ(run({"set", "k", "v", "--if-absent", "--if-revision", "3"}), Exit::refused);
}

TEST_F(Commands, SetPrintsTheRevision) {
    EXPECT_EQ(run({"set", "k", "-5"}), Exit::done);
    EXPECT_EQ(out.str(), "OK revision 8\n");
    run({"SET", "k", "v", "-o", "json"});
    EXPECT_EQ(out.str(), "{\"ok\":true,\"revision\":8}\n");
}

TEST_F(Commands, ScanFollowsAllPages) {
    EXPECT_EQ(run({"scan"}), Exit::done);
    EXPECT_EQ(out.str(), "a\t1\nb\t1\n");
    EXPECT_EQ(run({"scan", "--keys-only", "--limit", "1"}), Exit::done);
    EXPECT_EQ(out.str(), "a\n");
    EXPECT_THAT(err.str(), HasSubstr("more than 1 keys"));
    EXPECT_EQ(run({"scan", "p", "--start", "a"}), Exit::refused);
}

TEST_F(Commands, WrongUsageNamesWhatIsWrongAndWhatWasMeant) {
    EXPECT_EQ(run_bare({"gte", "k"}), Exit::refused);
    EXPECT_THAT(err.str(),
                AllOf(HasSubstr("unknown command \"gte\""), HasSubstr("did you mean get?")));
    EXPECT_EQ(run_bare({"get", "k", "--consistancy", "local"}), Exit::refused);
    EXPECT_THAT(err.str(),
                AllOf(HasSubstr("--consistancy"), HasSubstr("did you mean --consistency?")));
    EXPECT_EQ(run_bare({"get"}), Exit::refused);
    EXPECT_THAT(err.str(), HasSubstr("get takes KEY; nothing given"));
    EXPECT_EQ(run_bare({"get", "k", "-t", "soon"}), Exit::refused);
    EXPECT_THAT(err.str(), HasSubstr("--timeout soon"));
}

TEST_F(Commands, EveryVerbHasHelpAndThreeExamples) {
    for (const Verb& verb : all_verbs()) {
        EXPECT_EQ(run_bare({std::string(verb.name), "--help"}), Exit::done);
        EXPECT_THAT(out.str(), StartsWith("Usage: raftbus " + std::string(verb.name)));
        EXPECT_EQ(run_bare({"cheat", std::string(verb.name)}), Exit::done);
        for (const Example& example : verb.examples)
            EXPECT_THAT(out.str(), HasSubstr(std::string(example.command)));
    }
    EXPECT_EQ(run_bare({"--version"}), Exit::done);
    EXPECT_THAT(out.str(), StartsWith("raftbus "));
}

class MembersCommand : public Commands {
protected:
    Exit run(std::vector<std::string> words) {
        out.str("");
        err.str("");
        words.insert(words.end(), {"-e", cluster.endpoint()});
        return runner.run(words);
    }
    TestServer cluster{membership};
};

TEST_F(MembersCommand, APlanShowsVotersAndQuorumAndChangesNothing) {
    EXPECT_EQ(run({"members", "promote", "n4", "--dry-run"}), Exit::done);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("promote n4"), HasSubstr("n1,n2,n3,n4  3")));
    EXPECT_EQ(run({"members", "remove", "2", "--dry-run", "-o", "json"}), Exit::done);
    EXPECT_EQ(out.str(), "[{\"op\":\"REMOVE\",\"node\":2,\"voters\":[1,3],\"quorum\":2}]\n");
    EXPECT_EQ(run({"members", "demote", "2", "--dry-run"}), Exit::done);
    EXPECT_THAT(out.str(), HasSubstr("demote n2  n1,n3        2"));
    EXPECT_EQ(run({"members", "add", "5", "tcp://h:1", "tcp://h:2", "--dry-run"}), Exit::done);
    EXPECT_THAT(out.str(), HasSubstr("n1,n2,n3  ")) << "a learner first";
    for (const std::string& op : cluster.ops()) EXPECT_EQ(op, "MEMBERS");
}

TEST_F(MembersCommand, WhatMakesNoSenseIsRefused) {
    EXPECT_EQ(run({"members", "remove", "9"}), Exit::refused);
    EXPECT_THAT(err.str(), HasSubstr("node 9 is not a member"));
    EXPECT_EQ(run({"members", "frob", "9"}), Exit::refused);
    EXPECT_THAT(err.str(), HasSubstr("is not add, remove, promote, demote or replace"));
    EXPECT_EQ(run({"members", "add", "5", "nowhere", "tcp://h:2"}), Exit::refused);
    EXPECT_THAT(err.str(), HasSubstr("tcp://"));
    EXPECT_EQ(run({"members", "replace", "2", "7"}), Exit::refused);
    EXPECT_THAT(err.str(), AllOf(HasSubstr("n7 is not a member"), HasSubstr("--join")));
    EXPECT_EQ(run({"members", "replace", "2", "4"}), Exit::unreachable);
    EXPECT_THAT(err.str(), HasSubstr("nothing was changed"));
}

TEST_F(Commands, CommonOptionsMayStandBeforeTheVerb) {
    EXPECT_EQ(run_bare({"-e", server.endpoint(), "-o", "json", "no-op"}), Exit::done);
    EXPECT_EQ(out.str(), "{\"ok\":true,\"revision\":8}\n");
}

TEST_F(Commands, AShellOnAPipeFailsWithItsFirstFailure) {
    std::vector<std::string> lines = {"SET k \"two words\"", "# a remark", "",     "get missing",
                                      "frobnicate",          "get k",      "exit", "set never v"};
    const Verb& verb = *find_verb("shell");
    const Options options = parse_arguments(options_of(verb), {"-e", server.endpoint()});
    Output output{out, err};
    Client client({server.endpoint()}, std::chrono::seconds(5));
    Session session{options, output, &client, runner};
    std::size_t next = 0;
    Shell shell(
        session,
        [&](const std::string&) -> std::optional<std::string> {
            return next < lines.size() ? std::optional(lines[next++]) : std::nullopt;
        },
        false);
    EXPECT_EQ(shell.run(), Exit::answered_no);
    EXPECT_EQ(out.str(), "OK revision 8\nv\n");
    EXPECT_THAT(err.str(),
                AllOf(HasSubstr("line 4: get failed (exit 1)"), HasSubstr("frobnicate")));
}

}  // namespace
}  // namespace raftbus::cli
