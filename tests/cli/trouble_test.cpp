// What is wrong with a node, from its STATUS.
#include "cli/trouble.hpp"

#include <gtest/gtest.h>

namespace raftbus::cli {
namespace {

using Texts = std::vector<std::string>;

TEST(Trouble, EachKindHasItsWords) {
    const Value::Map refused{{"node", std::uint64_t(2)}, {"reason", "connection refused"}};
    const Value::Map status{{"member", false},
                            {"diverged", Value::Map{{"index", std::uint64_t(9)}}},
                            {"storage_answers", false},
                            {"storage_full", true},
                            {"unreachable", Value::List{refused}}};
    EXPECT_EQ(troubles_of(status),
              (Texts{"removed from the cluster", "diverged at index 9", "its disk does not answer",
                     "no room on its disk", "cannot reach n2: connection refused"}));
}

TEST(Trouble, AHealthyOrAnOlderNodeHasNone) {
    EXPECT_EQ(troubles_of(Value::Map{{"member", true},
                                     {"storage_answers", true},
                                     {"storage_full", false},
                                     {"unreachable", Value::List{}}}),
              Texts{});
    EXPECT_EQ(troubles_of(Value::Map{{"role", "follower"}}), Texts{});
}

}  // namespace
}  // namespace raftbus::cli
