// reachability: which peers this node cannot work with, why, and when the log says so again. Takes
// values; no socket, no clock.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "messages/reminder.hpp"
#include "messages/connections.hpp"

namespace raftbus {

class Reachability {
public:
    // The peer refuses what this node sends; `why` is what it said.
    void refused(NodeId peer, std::string why, Moment now) { refusals_[peer] = {now, std::move(why)}; }

    struct Line {
        NodeId peer;
        std::string text;  // "connection refused (for 12 s)"
        bool over = false;  // it can be reached again
    };
    // To be called every now and then with those whose connections do not work. Returns what the
    // log is to say now.
    std::vector<Line> look(const std::vector<UnreachablePeer>& broken, Moment now);
    // As of the last look: those, and those who refuse.
    const PeersUnreachable& all() const { return all_; }

private:
    struct Refusal {
        Moment at;
        std::string why;
    };
    std::map<NodeId, Refusal> refusals_;  // of members: one each
    std::map<NodeId, Reminder> reminders_;
    PeersUnreachable all_;
};

}  // namespace raftbus
