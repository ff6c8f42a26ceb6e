// leaderless: what there is to say while no leader is heard: for how long, what keeps this node from
// leading, and what each of the other voters answered when it was last asked for a vote.
//
// Owns: the answers of the last round of (pre-)votes, and when the next line is due. Must not know:
// messages, the log, what follows from an answer.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/options.hpp"
#include "messages/reminder.hpp"
#include "messages/types.hpp"

namespace raftbus {

class Leaderless {
public:
    explicit Leaderless(const RaftOptions& options);

    // A round begins: answers to earlier ones no longer count.
    void asked() { answers_.clear(), why_not_ = {}; }
    // A voter answered. `current`: the term that it is in.
    void answered(NodeId voter, bool granted, Term current) {
        answers_[voter] = {granted, current};
    }
    // This node does not ask for votes; `why` must outlive this.
    void not_asking(std::string_view why) { why_not_ = why; }
    // A leader is known.
    void led() { reminder_.over(); }

    struct View {  // of the node's election
        NodeId self;
        Term term;
        const std::vector<NodeId>& voters;
        const std::set<NodeId>& connected;
    };
    // To be called every now and then while no leader is known. The line for the log, if it is time
    // for one.
    std::optional<std::string> line(Moment now, const View& view);

private:
    struct Answer {
        bool granted = false;
        Term current;
    };
    std::string said_by(NodeId voter, const View& view) const;

    std::map<NodeId, Answer> answers_;
    std::string_view why_not_;  // empty: it asks
    Reminder reminder_;
};

}  // namespace raftbus
