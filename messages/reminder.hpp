// reminder: when a trouble that lasts is worth a line in the log: first after a while, then ever
// more seldom. A value: it knows neither clocks nor what the trouble is.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "messages/types.hpp"

namespace raftbus {

struct ReminderPauses {
    Duration first;    // from the beginning of the trouble to the first line
    Duration again;    // then to the second; doubled with each line
    Duration longest;  // at most
};

class Reminder {
public:
    explicit Reminder(const ReminderPauses& pauses) : pauses_(pauses) {}

    // To be called every now and then while the trouble lasts. True: it is time for a line.
    bool due(Moment now) {
        if (!since_) {
            since_ = now;
            next_ = now + pauses_.first;
            pause_ = pauses_.again;
        }
        if (now < next_) return false;
        next_ = now + pause_;
        pause_ = std::min(pause_ * 2, pauses_.longest);
        said_ = true;
        return true;
    }
    // How long the trouble has lasted.
    Duration lasted(Moment now) const { return since_ ? now - *since_ : Duration(0); }
    // The trouble is over. True if a line was written about it.
    bool over() {
        since_.reset();
        return std::exchange(said_, false);
    }

private:
    ReminderPauses pauses_;
    std::optional<Moment> since_;  // none: no trouble
    Moment next_;
    Duration pause_{0};
    bool said_ = false;
};

// "12 s", "400 ms": for such lines.
inline std::string lasting_text(Duration time) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    return ms < 1000 ? std::to_string(ms) + " ms" : std::to_string(ms / 1000) + " s";
}

}  // namespace raftbus
