// storage: makes the node's log and hard state durable; the one actor that waits for the disk.
//
// Owns: the requests of the current burst, in order, and what can not be answered for lack of room.
// Must not know: roles, what a term means, files.
// Takes: SaveHardState (election); Append, RestartLog, Compact (replicator); ReadLog (replicator,
//   gateway).
// Sends: HardStateSaved; Appended, AppendRefused; Compacted; LogRead.
//
// A burst costs one sync: its changes are gathered as they come, and when it is drained they are
// written together, and only then answered, in the order in which they were asked. Throws
// DiskFailed through whoever runs it, with nothing of the burst answered.
#pragma once

#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "actors/actor.hpp"
#include "actors/timer.hpp"
#include "storage/log.hpp"

namespace raftbus {

class Storage
    : public ActorOf<Storage, std::variant<SaveHardState, Append, ReadLog, RestartLog, Compact>> {
public:
    // `log` outlives the actor. Whoever stops the node seals it when the actor has stopped.
    Storage(Context& context, Log& log);

    void on(const SaveHardState& save, const Envelope& envelope);
    void on(const Append& append, const Envelope& envelope);
    void on(const ReadLog& read, const Envelope& envelope);
    void on(const RestartLog& restart, const Envelope& envelope);
    void on(const Compact& compact, const Envelope& envelope);
    void on_timer(TimerId id) override;
    void on_drained() override;
    std::string describe() const override;

private:
    using Answer = std::variant<HardStateSaved, Appended, AppendRefused, ReadLog, Compact>;
    struct Held {
        Envelope envelope;  // of the request
        Answer answer;      // once the burst is durable; what reads or compacts is done then
    };
    // A restart that there is no room for, or what was asked behind it.
    struct Delayed {
        Envelope envelope;
        std::variant<RestartLog, Append> request;
    };
    struct WaitingSave {
        Envelope envelope;
        SaveHardState save;
    };

    bool stage(const Append& append);
    void stage_saves();
    void take(const Append& append, const Envelope& envelope);
    void take_delayed();
    void write_burst();
    void await_room();
    void answer(const Held& held);
    LogRead read(const ReadLog& read);
    Compacted compact(const Compact& compact);
    void note_room(bool room);

    Context& context_;
    Log& log_;
    std::vector<Held> burst_;
    bool staged_ = false;  // something in the burst has to be written

    // A hard state that does not fit is not answered before it does: election says nothing
    // meanwhile.
    std::deque<WaitingSave> saves_;
    // Where the oldest refused Append would have changed the log. What was asked before the
    // replicator knew builds on it, and is refused too: until something begins there, or before it,
    // and fits.
    LogIndex refused_from_;  // 0: none
    std::deque<Delayed> delayed_;  // not empty: its first is a restart
    bool room_ = true;       // for batches, as last logged
    bool can_save_ = true;   // false: some save waits for room

    Timer retry_timer_;  // runs while saves wait
    Timer idle_timer_;   // runs from a write on until the log is sealed
    bool busy_ = false;  // something was written since the idle timer was started
    bool seal_due_ = false;
    Timer trim_timer_;  // runs from the seal on while the log keeps more than it needs when idle
    bool trim_due_ = false;
};

}  // namespace raftbus
