#include "actors/configurations.hpp"

#include <algorithm>

#include "messages/check.hpp"

namespace raftbus {

const Configurations::Entry& Configurations::at(LogIndex index) const {
    const auto found = std::find_if(entries_.rbegin(), entries_.rend() - 1,
                                    [&](const Entry& entry) { return entry.index <= index; });
    return *found;
}

std::vector<const Configurations::Entry*> Configurations::from(LogIndex index) const {
    std::vector<const Entry*> found;
    for (const Entry* entry = &at(index); entry <= &entries_.back(); ++entry)
        found.push_back(entry);
    return found;
}

void Configurations::append(LogIndex index, Configuration configuration) {
    CHECK(index > entries_.back().index, "configurations stand in the order of the log");
    entries_.push_back({index, std::move(configuration)});
}

void Configurations::cut_from(LogIndex index) {
    while (entries_.size() > 1 && entries_.back().index >= index) entries_.pop_back();
    CHECK(entries_.front().index < index, "what the log begins with stays");
}

void Configurations::begin_at(LogIndex index) {
    const auto keep = static_cast<std::size_t>(&at(index) - entries_.data());
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(keep));
}

}  // namespace raftbus
