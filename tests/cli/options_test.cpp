#include "cli/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/failure.hpp"
#include "cli/suggest.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<OptionSpec> kSpecs = {
    {.name = "endpoints", .value = "LIST", .help = "", .letter = 'e', .from_surroundings = true},
    {.name = "heartbeat", .value = "TIME", .help = "", .from_surroundings = true},
    {.name = "output", .value = "FORMAT", .help = "", .letter = 'o', .choices = "text|json|table"},
    {.name = "insecure-bind", .value = "", .help = "", .from_surroundings = true},
    {.name = "keys-only", .value = "", .help = ""},
};

Environment environment(std::map<std::string, std::string> variables) {
    return [variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    };
}

// What the refusal says, both lines of it.
template <class Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.exit, Exit::refused);
        return std::string(failure.what()) + " | " + failure.next;
    }
    return "not refused";
}

TEST(Options, FlagWinsOverEnvironmentOverFile) {
    Options options = parse_arguments(kSpecs, {"--endpoints", "flag"});
    add_environment(options, kSpecs,
                    environment({{"RAFTBUS_ENDPOINTS", "env"}, {"RAFTBUS_HEARTBEAT", "60"}}));
    add_file(options, kSpecs, "conf", "endpoints = file\nheartbeat = 70\ninsecure-bind = yes\n");
    EXPECT_EQ(options.text("endpoints"), "flag");
    EXPECT_EQ(options.duration("heartbeat", 1ms), 60ms);
    EXPECT_TRUE(options.on("insecure-bind"));
    EXPECT_EQ(options.find("heartbeat")->where, "RAFTBUS_HEARTBEAT");
    EXPECT_EQ(options.find("insecure-bind")->where, "insecure-bind in conf");
}

TEST(Options, OptionsMayStandBetweenWords) {
    const Options options = parse_arguments(kSpecs, {"k", "--keys-only", "v", "-ojson"});
    EXPECT_THAT(options.words, ElementsAre("k", "v"));
    EXPECT_TRUE(options.on("keys-only"));
    EXPECT_EQ(options.text("output"), "json");
}

TEST(Options, NegativeNumbersAndALoneDashAreWords) {
    EXPECT_THAT(parse_arguments(kSpecs, {"k", "-5"}).words, ElementsAre("k", "-5"));
    EXPECT_THAT(parse_arguments(kSpecs, {"-.5", "-"}).words, ElementsAre("-.5", "-"));
    EXPECT_THAT(parse_arguments(kSpecs, {"k", "--", "--keys-only"}).words,
                ElementsAre("k", "--keys-only"));
}

TEST(Options, AnAbbreviationIsNotGuessed) {
    const std::string said = refusal([] { parse_arguments(kSpecs, {"--endp", "x"}); });
    EXPECT_THAT(said, HasSubstr("unknown option --endp"));
    EXPECT_THAT(said, HasSubstr("did you mean --endpoints?"));
}

TEST(Options, ATypoIsNamedWithASuggestion) {
    EXPECT_THAT(refusal([] { parse_arguments(kSpecs, {"--ouptut=json"}); }),
                HasSubstr("did you mean --output?"));
    EXPECT_THAT(refusal([] {
                    parse_arguments(kSpecs, {"-o", "jsn"});
                }),
                HasSubstr("--output jsn: is not one of text, json, table | did you mean json?"));
    EXPECT_THAT(refusal([] {
                    Options options;
                    add_file(options, kSpecs, "conf", "hartbeat = 50\n");
                }),
                HasSubstr("unknown option hartbeat in conf | did you mean heartbeat?"));
}

TEST(Options, TheRefusalOfAValueNamesItsSource) {
    Options options;
    add_environment(options, kSpecs, environment({{"RAFTBUS_HEARTBEAT", "soon"}}));
    EXPECT_THAT(refusal([&] { options.duration("heartbeat", 1ms); }),
                HasSubstr("RAFTBUS_HEARTBEAT soon: is not a duration"));
}

TEST(Options, TheSameOptionTwiceIsRefused) {
    EXPECT_THAT(refusal([] {
                    parse_arguments(kSpecs, {"-e", "a", "-e", "b"});
                }),
                HasSubstr("--endpoints is given twice"));
}

TEST(Options, DurationsAndSizesKnowUnits) {
    EXPECT_EQ(duration_from("50", 1ms), 50ms);
    EXPECT_EQ(duration_from("1.5s", 1ms), 1500ms);
    EXPECT_EQ(duration_from("2m", 1ms), 2min);
    EXPECT_EQ(duration_from("5 apples", 1ms), std::nullopt);
    EXPECT_EQ(duration_from("", 1ms), std::nullopt);
    EXPECT_EQ(bytes_from("4096"), 4096U);
    EXPECT_EQ(bytes_from("32MiB"), 32U << 20);
    EXPECT_EQ(bytes_from("1K"), 1024U);
    EXPECT_EQ(bytes_from("-1"), std::nullopt);
}

TEST(Suggest, FindsWhatWasMeant) {
    const std::vector<std::string> verbs = {"set",    "get",     "delete",
                                            "status", "members", "heartbeat"};
    EXPECT_EQ(nearest("staus", verbs), "status");
    EXPECT_EQ(nearest("dleete", verbs), "delete");
    EXPECT_EQ(nearest("mem", verbs), "members");
    EXPECT_EQ(nearest("frobnicate", verbs), "");
    EXPECT_EQ(edit_distance("abcd", "abdc"), 1U);
}

}  // namespace
}  // namespace raftbus::cli
