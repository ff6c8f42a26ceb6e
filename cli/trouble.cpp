#include "cli/trouble.hpp"

#include <fmt/format.h>

#include "cli/display.hpp"

namespace raftbus::cli {
namespace {

bool is_false(const Value& value) {
    const bool* truth = std::get_if<bool>(&value.data);
    return truth != nullptr && !*truth;
}

std::string removed(const Value& status) {
    return is_false(status["member"]) ? "removed from the cluster" : "";
}

std::string diverged(const Value& status) {
    const Value& index = status["diverged"]["index"];
    return index.empty() ? "" : fmt::format("diverged at index {}", index.number());
}

std::string silent_disk(const Value& status) {
    return is_false(status["storage_answers"]) ? "its disk does not answer" : "";
}

std::string full_disk(const Value& status) {
    return status["storage_full"].is_true() ? "no room on its disk" : "";
}

std::string unreachable(const Value& status) {
    std::string text;
    for (const Value& peer : status["unreachable"].list())
        text += fmt::format("{}cannot reach n{}: {}", text.empty() ? "" : "; ",
                            peer["node"].number(), escaped(peer["reason"].text()));
    return text;
}

// One line for each kind of trouble.
using Kind = std::string (*)(const Value& status);
constexpr Kind kKinds[] = {removed, diverged, silent_disk, full_disk, unreachable};

}  // namespace

std::vector<std::string> troubles_of(const Value& status) {
    std::vector<std::string> troubles;
    for (const Kind kind : kKinds)
        if (std::string text = kind(status); !text.empty()) troubles.push_back(std::move(text));
    return troubles;
}

}  // namespace raftbus::cli
