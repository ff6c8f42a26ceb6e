// gateway_snapshots: SNAPSHOT: this node flushes its state and cuts its log now.
//
// Owns: who waits for it. Takes SnapshotTaken; sends TakeSnapshot. Must not know: how it is done.
#pragma once

#include <map>
#include <vector>

#include "actors/answers.hpp"
#include "actors/context.hpp"
#include "actors/in_flight.hpp"

namespace raftbus {

class GatewaySnapshots {
public:
    GatewaySnapshots(Context& context, Answers& answers) : context_(context), answers_(answers) {}

    // Takes a SNAPSHOT request that is in flight.
    void add(RequestKey key) { arrived_.push_back(key); }

    // Asks once for all who came since the last.
    void send_waiting() {
        if (arrived_.empty()) return;
        asked_[++last_ask_] = std::move(arrived_);
        arrived_.clear();
        context_.send({context_.self().node, ActorName::state_machine}, TakeSnapshot{last_ask_});
    }

    // Answers come in the order of the questions; a disk that failed ends the node.
    void on_taken(const SnapshotTaken& taken) {
        const auto asked = asked_.extract(taken.ask);
        if (!asked) return;
        for (const RequestKey key : asked.mapped())
            answers_.give(key, client::SnapshotReply{taken.index});
    }

private:
    Context& context_;
    Answers& answers_;
    std::vector<RequestKey> arrived_;
    std::map<std::uint64_t, std::vector<RequestKey>> asked_;
    std::uint64_t last_ask_ = 0;
};

}  // namespace raftbus
