#include "sim/shrink.hpp"

#include <algorithm>

namespace raftbus::sim {
namespace {

using namespace std::chrono_literals;

class Shrinker {
public:
    Shrinker(const RunOptions& options, const RunResult& failed, std::size_t tries_max,
             const std::function<bool()>& go_on)
        : best_{options, failed, 0}, tries_max_(tries_max), go_on_(go_on) {
        const Plan plan = make_plan(options);
        RunOptions& spelled_out = best_.options;
        spelled_out.nodes = plan.nodes;
        spelled_out.clients = plan.workload.clients;
        spelled_out.faults = plan.faults;
        spelled_out.strikes.emplace();
        for (const Strike& strike : plan.strikes) spelled_out.strikes->push_back(strike.number);
    }

    Shrunk run() {
        leave_time();
        leave_strikes();
        leave_faults();
        leave_nodes();
        leave_clients();
        leave_strikes();
        leave_time();
        return best_;
    }

private:
    // True, and it is the best, if this smaller run fails alike.
    bool keep(const RunOptions& smaller) {
        if (best_.tries >= tries_max_ || !go_on_()) return false;
        ++best_.tries;
        const RunResult result = simulate(smaller);
        if (result.ending != best_.result.ending) return false;
        best_.options = smaller;
        best_.result = result;
        return true;
    }

    // No strike after the failure matters, nor does the time.
    void leave_time() {
        RunOptions shorter = best_.options;
        const Duration needed = best_.result.at + 1ms;
        if (needed < shorter.duration) {
            shorter.duration = needed;
            keep(shorter);
        }
        for (Duration step = best_.options.duration / 2; step >= 100ms; step /= 2) {
            shorter = best_.options;
            if (step >= shorter.duration) continue;
            shorter.duration -= step;
            keep(shorter);
        }
    }

    void leave_strikes() {
        std::size_t part = std::max<std::size_t>(1, best_.options.strikes->size() / 2);
        for (;; part = std::max<std::size_t>(1, part / 2)) {
            bool left_any = false;
            for (std::size_t from = 0; from < best_.options.strikes->size();) {
                RunOptions fewer = best_.options;
                auto& strikes = *fewer.strikes;
                const std::size_t to = std::min(from + part, strikes.size());
                strikes.erase(strikes.begin() + static_cast<std::ptrdiff_t>(from),
                              strikes.begin() + static_cast<std::ptrdiff_t>(to));
                if (keep(fewer))
                    left_any = true;
                else
                    from = to;
            }
            if (part == 1 && !left_any) return;
            if (best_.tries >= tries_max_ || !go_on_()) return;
        }
    }

    void leave_faults() {
        for (std::size_t f = 0; f < kFaults; ++f) {
            if (!(*best_.options.faults)[f]) continue;
            RunOptions fewer = best_.options;
            fewer.faults->reset(f);
            keep(fewer);
        }
    }

    void leave_nodes() {
        for (const std::size_t nodes : {1, 2, 3, 5}) {
            if (nodes >= *best_.options.nodes) return;
            RunOptions fewer = best_.options;
            fewer.nodes = nodes;
            if (keep(fewer)) return;
        }
    }

    void leave_clients() {
        while (*best_.options.clients > 0) {
            RunOptions fewer = best_.options;
            --*fewer.clients;
            if (!keep(fewer)) return;
        }
    }

    Shrunk best_;
    const std::size_t tries_max_;
    const std::function<bool()>& go_on_;
};

}  // namespace

Shrunk shrink(const RunOptions& options, const RunResult& failed, std::size_t tries_max,
              const std::function<bool()>& go_on) {
    return Shrinker(options, failed, tries_max, go_on).run();
}

}  // namespace raftbus::sim
