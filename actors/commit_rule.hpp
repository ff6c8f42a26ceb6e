// commit_rule: what a majority has. Pure.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "messages/check.hpp"

namespace raftbus {

// The greatest value that more than half of `values` (one per voter, at least one) reach.
template <class T>
T reached_by_majority(std::vector<T> values) {
    CHECK(!values.empty());
    const auto median = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), median, values.end(), std::greater<>());
    return *median;
}

}  // namespace raftbus
