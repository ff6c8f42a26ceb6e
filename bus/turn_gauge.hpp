// turn_gauge: the longest turn that a worker's thread has taken: one message, timer, job's end or
// drain of one actor. While it lasts nobody sends heartbeats.
//
// Owns: the measurement, in the thread's processor time, so that a busy machine counts for nothing.
// That clock is a system call, so it is read about once a millisecond, and a turn may seem longer
// than it was by what short ones before it took since.
#pragma once

#include <cstdint>
#include <string>

#include "messages/types.hpp"

namespace raftbus {

enum class TurnKind : std::uint8_t { message, timer, job, drained };

struct Turn {
    ActorName actor = ActorName::bus;
    TurnKind kind = TurnKind::message;
    std::uint32_t which = 0;  // the message's type, the timer's or the job's number
    Duration took{};          // of processor time
};

class TurnGauge {
public:
    // A turn begins at `now`, by the steady clock; the one before has ended.
    void begin(Moment now, ActorName actor, TurnKind kind, std::uint32_t which = 0) {
        end(now);
        turn_ = {actor, kind, which};
        began_ = now;
        if (now - looked_ >= kLook) look(now);
    }
    // The thread sleeps, or does something that is nobody's turn.
    void end(Moment now) {
        if (began_ != Moment() && now - began_ >= kLook) measure(now);
        began_ = Moment();
    }
    const Turn& longest() const { return longest_; }

private:
    static constexpr Duration kLook = std::chrono::milliseconds(1);
    void look(Moment now);
    void measure(Moment now);

    Turn turn_, longest_;
    Moment began_;    // 0: no turn is under way
    Moment looked_;   // when the processor time was read last
    Duration used_{};  // as it was then
};

// "state machine, Apply"; empty if there was none.
std::string to_text(const Turn& turn);

}  // namespace raftbus
