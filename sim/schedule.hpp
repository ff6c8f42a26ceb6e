// schedule: virtual time, and what will happen when.
//
// Owns: the present moment and the queue of future events. Events of the same moment happen in an
// order drawn from the seed. Must not know: what an event means.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "messages/check.hpp"
#include "messages/random.hpp"
#include "messages/types.hpp"

namespace raftbus::sim {

// Whoever asked to be called. `what` and `which` are the caller's own.
class Happening {
public:
    virtual void happen(std::uint32_t what, std::uint64_t which) = 0;

protected:
    ~Happening() = default;
};

class Schedule {
public:
    explicit Schedule(std::uint64_t seed) : random_(seed) {}

    // The first moment of every run.
    static constexpr Moment kBeginning{std::chrono::hours(1)};
    Moment now() const { return now_; }

    // Calls happening.happen(what, which) at `at`, or at once if that has passed.
    void add(Moment at, Happening& happening, std::uint32_t what, std::uint64_t which) {
        queue_.push_back({std::max(at, now_), random_.next(), &happening, what, which});
        std::push_heap(queue_.begin(), queue_.end(), later);
    }
    // The same for what is rare: calls `action` once.
    void add(Moment at, std::function<void()> action) {
        actions_.emplace(++last_action_, std::move(action));
        add(at, runner_, 0, last_action_);
    }

    // True if something is left to happen until `end`, inclusive.
    bool due(Moment end) const { return !queue_.empty() && queue_.front().at <= end; }
    // Lets the next event happen. There is one (CHECKed).
    void step() {
        CHECK(!queue_.empty());
        std::pop_heap(queue_.begin(), queue_.end(), later);
        const Event event = queue_.back();
        queue_.pop_back();
        now_ = event.at;
        ++steps_;
        event.happening->happen(event.what, event.which);
    }
    // Moves on to `moment` without letting anything happen; nothing is due before it (CHECKed).
    void pass_to(Moment moment) {
        CHECK(!due(moment));
        now_ = std::max(now_, moment);
    }
    std::uint64_t steps() const { return steps_; }

private:
    struct Event {
        Moment at;
        std::uint64_t order;  // among those of the same moment
        Happening* happening;
        std::uint32_t what;
        std::uint64_t which;
    };
    static bool later(const Event& a, const Event& b) {
        return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
    struct Runner final : Happening {
        explicit Runner(Schedule& schedule) : schedule(schedule) {}
        void happen(std::uint32_t, std::uint64_t which) override {
            const auto node = schedule.actions_.extract(which);
            node.mapped()();
        }
        Schedule& schedule;
    };

    Moment now_ = kBeginning;
    Random random_;
    std::vector<Event> queue_;  // a heap, the earliest in front
    std::unordered_map<std::uint64_t, std::function<void()>> actions_;
    std::uint64_t last_action_ = 0;
    std::uint64_t steps_ = 0;
    Runner runner_{*this};
};

}  // namespace raftbus::sim
