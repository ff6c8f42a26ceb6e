// history_maker: histories written down as scenes, in milliseconds.
#pragma once

#include <string>
#include <utility>

#include "sim/history.hpp"

namespace raftbus::sim {

inline Moment ms(int milliseconds) {
    return Moment(std::chrono::milliseconds(milliseconds));
}

inline Request get() {
    return Get{};
}
inline Request set(std::string value, Condition condition = {}) {
    return Set{std::move(value), std::move(condition)};
}
inline Request erase(Condition condition = {}) {
    return Erase{std::move(condition)};
}
inline Condition if_revision(std::uint64_t revision) {
    return {revision, std::nullopt};
}
inline Condition if_value(std::string value) {
    return {std::nullopt, std::move(value)};
}

inline Outcome found(std::string value, std::uint64_t revision) {
    return Found{std::move(value), revision};
}
inline Outcome absent() {
    return Absent{};
}
inline Outcome rev(std::uint64_t revision) {
    return Written{revision, false};
}
inline Outcome erased(std::uint64_t revision) {
    return Written{revision, true};
}
inline Outcome nothing_erased(std::uint64_t revision) {
    return Written{revision, false};
}
inline Outcome failed(std::uint64_t stands) {
    return ConditionFailed{true, stands};
}
inline Outcome failed_on_absence() {
    return ConditionFailed{false, 0};
}

// Adds operations to a history, on the key "k" unless told otherwise.
class HistoryMaker {
public:
    HistoryMaker& on(std::string key) {
        key_ = std::move(key);
        return *this;
    }
    HistoryMaker& add(std::uint32_t client, int begin_ms, int end_ms, Request request,
                      Outcome outcome) {
        history_.push_back({history_.size() + 1, client, ms(begin_ms), ms(end_ms), key_,
                            std::move(request), std::move(outcome)});
        return *this;
    }
    HistoryMaker& add_unknown(std::uint32_t client, int begin_ms, Request request) {
        history_.push_back({history_.size() + 1, client, ms(begin_ms), Moment::max(), key_,
                            std::move(request), Unknown{}});
        return *this;
    }
    const History& history() const { return history_; }

private:
    std::string key_ = "k";
    History history_;
};

}  // namespace raftbus::sim
