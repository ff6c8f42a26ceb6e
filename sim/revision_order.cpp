#include "sim/revision_order.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "messages/client.hpp"

namespace raftbus::sim {
namespace {

using Broken = std::optional<std::string>;

// ---- what an operation tells

const Condition* condition_of(const Operation& operation) {
    if (const Set* set = std::get_if<Set>(&operation.request)) return &set->condition;
    if (const Erase* erase = std::get_if<Erase>(&operation.request)) return &erase->condition;
    return nullptr;
}

// The revision that a write was acknowledged with; 0: it was not, or is no write.
std::uint64_t acknowledged(const Operation& operation) {
    const Written* written = std::get_if<Written>(&operation.outcome);
    return written ? written->revision : 0;
}

// The revision that the key had when the operation looked at it: 0 if it was absent, none if the
// outcome does not tell.
std::optional<std::uint64_t> seen(const Operation& operation) {
    if (const Found* found = std::get_if<Found>(&operation.outcome)) return found->revision;
    if (std::holds_alternative<Absent>(operation.outcome)) return 0;
    if (const auto* failed = std::get_if<ConditionFailed>(&operation.outcome))
        return failed->found ? failed->revision : 0;
    const Written* written = std::get_if<Written>(&operation.outcome);
    if (!written) return std::nullopt;
    if (std::holds_alternative<Erase>(operation.request) && !written->found) return 0;
    return condition_of(operation)->if_revision;
}

// The greatest revision that the operation proves to exist; 0: none.
std::uint64_t returned(const Operation& operation) {
    return std::max(acknowledged(operation), seen(operation).value_or(0));
}

std::string rev(std::uint64_t revision) {
    return "rev " + std::to_string(revision);
}

// "c3 read w41 (rev 118)", "c3 saw rev 118 (c3 set k=v if rev 4)"
std::string seen_text(const Operation& operation) {
    const std::string who = "c" + std::to_string(operation.client);
    if (const Found* found = std::get_if<Found>(&operation.outcome))
        return who + " read " + client::printable(found->value) + " (" + rev(found->revision) + ")";
    if (std::holds_alternative<Absent>(operation.outcome)) return who + " found nothing";
    const std::uint64_t revision = seen(operation).value_or(0);
    return who + (revision ? " saw " + rev(revision) : " found nothing") + " (" +
           to_text_asked(operation) + ")";
}

// "w44 (rev 121) had been acknowledged", "rev 121 had been returned to c2 get k"
std::string returned_text(const Operation& operation) {
    const std::uint64_t revision = acknowledged(operation);
    if (!revision)
        return rev(returned(operation)) + " had been returned to " + to_text_asked(operation);
    const Set* set = std::get_if<Set>(&operation.request);
    return (set ? client::printable(set->value) : to_text_asked(operation)) + " (" + rev(revision) +
           ") had been acknowledged";
}

// ---- the rules

struct KeyFacts {
    std::vector<const Operation*> erases;  // but those that failed
    std::vector<const Operation*> unknown_sets;
    std::unordered_map<std::string_view, std::vector<const Operation*>> sets_of;  // by value
    std::unordered_map<std::string_view, const Operation*> read_first;            // by value
    std::unordered_map<std::uint64_t, const Operation*> replaced_by;              // by revision
    const Operation* newest = nullptr;  // of those that ended so far, that of the greatest revision
};

class Rules {
public:
    explicit Rules(std::span<const Operation* const> operations) : operations_(operations) {}

    Broken check() {
        for (const Operation* operation : operations_)
            if (Broken broken = collect(*operation)) return broken;
        for (const Operation* operation : operations_) {
            if (Broken broken = check_contents(*operation)) return broken;
            if (Broken broken = check_condition(*operation)) return broken;
        }
        return check_order();
    }

private:
    KeyFacts& facts(const Operation& operation) { return keys_[operation.key]; }

    // Rule 1, and what the others need to know.
    Broken collect(const Operation& operation) {
        if (std::holds_alternative<ConditionFailed>(operation.outcome)) return std::nullopt;
        KeyFacts& key = facts(operation);
        if (std::holds_alternative<Erase>(operation.request)) key.erases.push_back(&operation);
        if (const Set* set = std::get_if<Set>(&operation.request)) {
            key.sets_of[set->value].push_back(&operation);
            if (operation.is_unknown()) key.unknown_sets.push_back(&operation);
        }
        if (std::holds_alternative<Written>(operation.outcome)) {
            const std::uint64_t revision = acknowledged(operation);
            const auto [other, first] = writer_.try_emplace(revision, &operation);
            if (!first)
                return to_text_asked(*other->second) + " and " + to_text_asked(operation) +
                       " were both acknowledged as " + rev(revision);
        }
        return std::nullopt;
    }

    // Rules 2 and 3.
    Broken check_contents(const Operation& operation) {
        const std::uint64_t revision = seen(operation).value_or(0);
        const Found* found = std::get_if<Found>(&operation.outcome);
        if (revision == 0) {
            if (found) return seen_text(operation) + ", but no write has rev 0";
            return std::nullopt;
        }
        const auto writer = writer_.find(revision);
        if (writer != writer_.end()) return check_written(operation, *writer->second);
        if (Broken broken = check_unacknowledged(operation, found)) return broken;
        return found ? check_one_revision(operation, *found) : std::nullopt;
    }

    static Broken check_written(const Operation& operation, const Operation& writer) {
        const Found* found = std::get_if<Found>(&operation.outcome);
        const Set* set = std::get_if<Set>(&writer.request);
        const bool same =
            set && writer.key == operation.key && (!found || found->value == set->value);
        if (same) return std::nullopt;
        return seen_text(operation) + ", but " + rev(acknowledged(writer)) + " is " +
               to_text_asked(writer);
    }

    // A write of unknown outcome must have made what was seen.
    Broken check_unacknowledged(const Operation& operation, const Found* found) {
        const KeyFacts& key = facts(operation);
        const std::vector<const Operation*>* writers = &key.unknown_sets;
        if (found) {
            const auto sets = key.sets_of.find(found->value);
            if (sets == key.sets_of.end())
                return seen_text(operation) + ", which nobody ever wrote";
            writers = &sets->second;
        }
        const auto may_be_it = [&](const Operation* set) {
            return set->is_unknown() && set->begin <= operation.end;
        };
        if (std::any_of(writers->begin(), writers->end(), may_be_it)) return std::nullopt;
        if (!found) return seen_text(operation) + ", which no write can have got by then";
        const Operation& writer = *writers->front();
        if (writer.is_unknown()) return seen_text(operation) + " before anybody began to write it";
        return seen_text(operation) + ", but it was acknowledged as " + rev(acknowledged(writer));
    }

    Broken check_one_revision(const Operation& operation, const Found& found) {
        const auto [read, first] = reader_.try_emplace(found.revision, &operation);
        const Operation& other = *read->second;
        if (!first &&
            (other.key != operation.key || std::get<Found>(other.outcome).value != found.value))
            return seen_text(other) + " of " + client::printable(other.key) + ", but " +
                   seen_text(operation) + " of " + client::printable(operation.key);

        KeyFacts& key = facts(operation);
        const Operation& earlier =
            *key.read_first.try_emplace(found.value, &operation).first->second;
        if (seen(earlier) == found.revision || key.sets_of[found.value].size() > 1)
            return std::nullopt;
        return seen_text(earlier) + ", and " + seen_text(operation) + ", but it was written once";
    }

    // Rule 6.
    Broken check_condition(const Operation& operation) {
        const Condition* condition = condition_of(operation);
        if (!condition || !condition->if_revision) return std::nullopt;
        const std::uint64_t revision = *condition->if_revision;
        if (std::holds_alternative<ConditionFailed>(operation.outcome)) {
            if (seen(operation) != revision || condition->if_value) return std::nullopt;
            return to_text_asked(operation) + " failed, although " +
                   (revision ? rev(revision) + " stood" : "the key was absent");
        }
        if (!acknowledged(operation) || revision == 0) return std::nullopt;
        const auto [other, first] = facts(operation).replaced_by.try_emplace(revision, &operation);
        if (first) return std::nullopt;
        return to_text_asked(*other->second) + " and " + to_text_asked(operation) +
               " have both replaced " + rev(revision);
    }

    // Rules 4 and 5, in one sweep through time.
    Broken check_order() {
        std::vector<const Operation*> by_begin(operations_.begin(), operations_.end());
        std::sort(by_begin.begin(), by_begin.end(), [](const auto* a, const auto* b) {
            return std::pair(a->begin, a->id) < std::pair(b->begin, b->id);
        });
        std::vector<const Operation*> by_end = by_begin;
        std::sort(by_end.begin(), by_end.end(), [](const auto* a, const auto* b) {
            return std::pair(a->end, a->id) < std::pair(b->end, b->id);
        });
        const Operation* newest = nullptr;
        auto ended = by_end.begin();
        for (const Operation* operation : by_begin) {
            for (; (*ended)->end < operation->begin; ++ended) {
                keep_newer(newest, **ended);
                keep_newer(facts(**ended).newest, **ended);
            }
            if (Broken broken = check_write(*operation, newest)) return broken;
            if (Broken broken = check_fresh(*operation)) return broken;
        }
        return std::nullopt;
    }

    static void keep_newer(const Operation*& newest, const Operation& operation) {
        const std::uint64_t revision = returned(operation);
        if (revision == 0 || operation.is_unknown()) return;
        if (!newest || revision > returned(*newest)) newest = &operation;
    }

    static Broken check_write(const Operation& operation, const Operation* newest) {
        const std::uint64_t revision = acknowledged(operation);
        if (!newest || !std::holds_alternative<Written>(operation.outcome)) return std::nullopt;
        if (revision > returned(*newest)) return std::nullopt;
        return to_text_asked(operation) + " got " + rev(revision) + ", although " +
               returned_text(*newest) + " before it began";
    }

    Broken check_fresh(const Operation& operation) {
        const KeyFacts& key = facts(operation);
        const std::optional<std::uint64_t> revision = seen(operation);
        if (!key.newest || !revision) return std::nullopt;
        const bool fresh =
            *revision ? *revision >= returned(*key.newest) : may_be_erased(key, operation);
        if (fresh) return std::nullopt;
        return seen_text(operation) + ", although " + returned_text(*key.newest) +
               " before it began" + (*revision ? "" : ", and nobody erased it");
    }

    // Whether the key may have been absent when `operation` looked, after key.newest.
    static bool may_be_erased(const KeyFacts& key, const Operation& operation) {
        const std::uint64_t newest = returned(*key.newest);
        return std::any_of(key.erases.begin(), key.erases.end(), [&](const Operation* erase) {
            if (erase == &operation || erase->begin > operation.end) return false;
            return erase->is_unknown() || acknowledged(*erase) >= newest;
        });
    }

    std::span<const Operation* const> operations_;
    std::unordered_map<std::string_view, KeyFacts> keys_;
    std::unordered_map<std::uint64_t, const Operation*> writer_;  // acknowledged, by revision
    // Of revisions that were not acknowledged to anybody: who read them first.
    std::unordered_map<std::uint64_t, const Operation*> reader_;
};

}  // namespace

std::optional<std::string> check_revisions(std::span<const Operation* const> operations) {
    return Rules(operations).check();
}

std::optional<std::string> check_revisions(const History& history) {
    std::vector<const Operation*> operations;
    operations.reserve(history.size());
    for (const Operation& operation : history) operations.push_back(&operation);
    return check_revisions(operations);
}

}  // namespace raftbus::sim
