#include "sim/history.hpp"

#include <string_view>

#include "messages/client.hpp"

namespace raftbus::sim {
namespace {

// "1.204s", "1.204057s"
std::string seconds_text(Moment moment) {
    const auto total_us = moment.time_since_epoch().count();
    const bool whole_ms = total_us % 1000 == 0;
    std::string fraction =
        std::to_string(whole_ms ? total_us % 1'000'000 / 1000 : total_us % 1'000'000);
    fraction.insert(0, (whole_ms ? 3 : 6) - fraction.size(), '0');
    return std::to_string(total_us / 1'000'000) + "." + fraction + "s";
}

// " if rev 4 and value w1"
std::string condition_text(const Condition& condition) {
    std::string text;
    if (condition.if_revision) text += " if rev " + std::to_string(*condition.if_revision);
    if (condition.if_value)
        text +=
            (text.empty() ? " if value " : " and value ") + client::printable(*condition.if_value);
    return text;
}

struct RequestText {
    std::string_view key;
    std::string operator()(const Get&) const { return "get " + client::printable(key); }
    std::string operator()(const Set& set) const {
        return "set " + client::printable(key) + "=" + client::printable(set.value) +
               condition_text(set.condition);
    }
    std::string operator()(const Erase& erase) const {
        return "erase " + client::printable(key) + condition_text(erase.condition);
    }
};

struct OutcomeText {
    bool erased;
    std::string operator()(const Unknown&) const { return "unknown"; }
    std::string operator()(const Found& found) const {
        return client::printable(found.value) + " rev " + std::to_string(found.revision);
    }
    std::string operator()(const Absent&) const { return "not found"; }
    std::string operator()(const Written& written) const {
        const std::string revision = "rev " + std::to_string(written.revision);
        if (!erased) return revision;
        return revision + (written.found ? " found" : " not found");
    }
    std::string operator()(const ConditionFailed& failed) const {
        if (!failed.found) return "condition failed: not found";
        return "condition failed: rev " + std::to_string(failed.revision) + " stands";
    }
};

}  // namespace

std::string to_text_asked(const Operation& operation) {
    return "c" + std::to_string(operation.client) + " " +
           std::visit(RequestText{operation.key}, operation.request);
}

std::string to_text(const Operation& operation) {
    const bool erased = std::holds_alternative<Erase>(operation.request);
    const std::string until =
        operation.is_unknown() ? " ..)" : " .. " + seconds_text(operation.end) + "]";
    return to_text_asked(operation) + " -> " + std::visit(OutcomeText{erased}, operation.outcome) +
           " [" + seconds_text(operation.begin) + until + " (op " + std::to_string(operation.id) +
           ")";
}

}  // namespace raftbus::sim
