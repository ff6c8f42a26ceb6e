// state_machine: the actor that applies what is committed, and answers reads from what it has
// applied (Raft §5.3, §8).
//
// Takes: Apply (replicator), ReadState (gateway), AskReport (gateway).
// Sends: Applied (replicator), OutcomesReady and StateRead (gateway), StateReport (whoever asked).
// Owns: the state's use: what is applied, who waits for which index, when a flush runs.
// Must not know: why an entry is committed, who leads, what a client asked.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "actors/actor.hpp"
#include "storage/kv_state.hpp"

namespace raftbus {

class StateMachine : public ActorOf<StateMachine, std::variant<Apply, ReadState, AskReport>> {
public:
    // Both must outlive the actor. `state` is touched by nobody else, but for the work of its
    // flushes.
    StateMachine(Context& context, KvState& state) : context_(context), state_(state) {}

    // Batches that are applied already are skipped: after a start the replicator sends the log
    // again from wherever it sees fit. Answered all the same with Applied and OutcomesReady.
    void on(const Apply& apply, const Envelope& envelope);
    void on(const ReadState& read, const Envelope& envelope);
    void on(const AskReport& ask, const Envelope& envelope);

    void on_drained() override;
    void on_job_done(JobId job) override;
    std::string describe() const override;

    // How many reads wait for an index to be applied. The gateway's limit of requests bounds them.
    std::size_t waiting() const { return waiting_.size(); }

private:
    struct WaitingRead {
        Envelope envelope;
        ReadState read;
    };

    void answer(const ReadState& read, const Envelope& envelope);
    void answer_waiting();
    Answer answer_to(const Query& query);

    Context& context_;
    KvState& state_;
    std::multimap<LogIndex, WaitingRead> waiting_;  // by the index they wait for, then as they came
};

}  // namespace raftbus
