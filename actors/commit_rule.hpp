// commit_rule: what a majority has. Pure.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "messages/check.hpp"
#include "messages/types.hpp"

namespace raftbus {

// The greatest value that more than half of `values` (one per voter, at least one) reach.
template <class T>
T reached_by_majority(std::vector<T> values) {
    CHECK(!values.empty());
    const auto median = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), median, values.end(), std::greater<>());
    return *median;
}

// The greatest value that a majority of each half reaches (Raft §6). `value_of` is asked of every
// voter.
template <class ValueOf>
auto reached_by_majorities(const std::vector<std::vector<NodeId>>& halves, ValueOf value_of) {
    using Value = decltype(value_of(NodeId()));
    CHECK(!halves.empty());
    std::vector<Value> reached;
    for (const std::vector<NodeId>& half : halves) {
        std::vector<Value> values;
        values.reserve(half.size());
        for (const NodeId voter : half) values.push_back(value_of(voter));
        reached.push_back(reached_by_majority(std::move(values)));
    }
    return *std::min_element(reached.begin(), reached.end());
}

}  // namespace raftbus
