// gateway_reads: reads, from the leader's confirmation to the answer of the own state machine.
//
// Owns: reads that wait to be confirmed, those whose confirmation is asked for, and those that the
// state machine works on. All that waits shares one ReadIndex (Diss. §6.4); HEARTBEAT is a read
// that ends with the confirmation; so is the question for the cluster's newest revision. Reads
// change nothing, so a confirmation that is refused or lost is asked for again, under a new number. Takes ReadIndexReply, ReadRefused, StateRead,
// LeaderChanged; sends ReadIndex, ReadState.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "actors/answers.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"
#include "actors/parked_reads.hpp"
#include "actors/timer.hpp"
#include "messages/client.hpp"

namespace raftbus {

class GatewayReads {
public:
    GatewayReads(Context& context, InFlight& in_flight, Answers& answers, TimerId retry_timer);

    // Takes the read of a request that is in flight. The query keeps its client's frame alive.
    void add(RequestKey key, client::Consistency consistency, Query query);
    void add_heartbeat(RequestKey key);
    // Asks which revision is the cluster's newest: `newest` is called with the request and the
    // answer, if there is one before its deadline.
    void add_newest(RequestKey key);
    using Newest = std::function<void(RequestKey, LogIndex)>;
    void on_newest(Newest newest) { newest_ = std::move(newest); }
    // Sends all that waits on its way: local reads at once, the others if there is a leader.
    void send_waiting();

    void on_leader_changed(const LeaderChanged& leader);
    void on_confirmed(const ReadIndexReply& reply, const Envelope& envelope);
    void on_refused(const ReadRefused& refused);
    void on_answers(const StateRead& state);
    // Clients have taken replies: what was put off for them may go on.
    void on_room();
    void on_timer(TimerId id);

    // A read's deadline has passed: what to tell its client. `local`: it asked for whatever this
    // node has applied.
    client::Failure expired(bool local);

private:
    // Reads that go the same way together.
    struct Group {
        std::vector<RequestKey> heartbeats;
        std::vector<RequestKey> newest;
        std::vector<RequestKey> reads;
        std::vector<Query> queries;  // one for each of `reads`
        RequestId request;           // the first one that asked for a trace, else the last one
        bool traced = false;         // it asked for it
        Duration patience;           // how long to wait for a confirmation
        Group();
        bool empty() const { return size() == 0; }
        std::size_t size() const { return heartbeats.size() + newest.size() + reads.size(); }
    };
    struct Asked {
        Group group;
        ReadMode mode;
        Moment again_at;  // ask again then
    };
    struct Reading {
        std::vector<RequestKey> reads;
        std::vector<Query> queries;  // unless one answer is sure to do
        LogIndex at;
        bool local = false;
    };

    Group& waiting(ReadMode mode) { return waiting_[static_cast<std::size_t>(mode)]; }
    void note(Group& group, RequestKey key);
    void ask(ReadMode mode);
    void read(Group group, LogIndex at, bool local);
    void send(Reading reading);
    void give(RequestKey key, const StateRead& state, const Answer& answer, bool local);
    void park_if_full(Reading& reading);
    void wait_again(Asked asked);
    void hold();
    void prune(Group& group) const;
    void retry_at(Moment when);

    Context& context_;
    InFlight& in_flight_;
    Answers& answers_;
    Newest newest_;
    LeaderChanged leader_;
    std::array<Group, 2> waiting_;  // by ReadMode
    Group local_;
    std::map<ReadNumber, Asked> asked_;
    std::map<ReadNumber, Reading> reading_;
    ParkedReads parked_;
    ReadNumber last_read_;
    std::size_t expired_ = 0;  // answered at their deadline since the last prune
    bool held_ = false;        // a refusal holds questions back until the timer fires
    Timer retry_;              // runs while held, or while a confirmation is asked for
    Moment retry_at_;          // when it fires, if it runs
};

}  // namespace raftbus
