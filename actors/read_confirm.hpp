// read_confirm: linearizable reads that wait for the leader to be sure that it still leads (Raft
// §8, Diss. §6.4). A value.
//
// A read is answered with the commit index of a moment after it arrived, once a majority has
// answered a round of heartbeats that was sent after that. Every round has a number of its own, so
// a late answer to an earlier one confirms nothing.
#pragma once

#include <deque>
#include <vector>

#include "messages/envelope.hpp"
#include "messages/types.hpp"

namespace raftbus {

struct WaitingRead {
    Envelope asked;
    ReadNumber read;
    Moment arrived;
    LogIndex index;
};

class ReadConfirm {
public:
    void add(WaitingRead read) { arrived_.push_back(std::move(read)); }
    bool wants_round() const { return !arrived_.empty(); }

    // A round goes out now, with this commit index: it serves all that have arrived.
    void round_started(Round round, LogIndex commit) {
        for (WaitingRead& read : arrived_) {
            read.index = commit;
            in_round_.push_back({round, std::move(read)});
        }
        arrived_.clear();
    }
    // A majority has answered `round`: the reads that this confirms, in order of arrival.
    std::vector<WaitingRead> confirmed(Round round) {
        std::vector<WaitingRead> done;
        while (!in_round_.empty() && in_round_.front().round <= round) {
            done.push_back(std::move(in_round_.front().read));
            in_round_.pop_front();
        }
        return done;
    }
    // All that wait, to be refused.
    std::vector<WaitingRead> abandon() {
        std::vector<WaitingRead> all = confirmed(Round(~0ULL));
        all.insert(all.end(), arrived_.begin(), arrived_.end());
        arrived_.clear();
        return all;
    }

private:
    struct InRound {
        Round round;
        WaitingRead read;
    };
    std::vector<WaitingRead> arrived_;
    std::deque<InRound> in_round_;
};

}  // namespace raftbus
