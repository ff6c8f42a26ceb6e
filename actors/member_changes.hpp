// member_changes: how a leader takes the cluster from one configuration to the next (Raft §6,
// Diss. §4).
//
// Owns: the changes that gateways wait for. Must not know: how entries travel; who leads appends
// what it is told to. Sends: MembersChanged, ChangeRefused (gateways).
//
// One change at a time, and none before an entry of the own term is committed: only then are all
// changes of earlier leaders known to be committed or gone. A joint configuration that is found in
// the log is completed, whoever began it.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "actors/context.hpp"
#include "actors/options.hpp"
#include "actors/peer_progress.hpp"
#include "actors/replica_log.hpp"

namespace raftbus {

class MemberChanges {
public:
    // What the leader knows at the moment.
    struct View {
        const std::map<NodeId, PeerProgress>& peers;
        LogIndex no_op;             // its first entry
        LogIndex caught_up;         // a learner whose log matches up to here is ready to vote
        bool handing_over = false;  // leadership
    };

    // All outlive it.
    MemberChanges(Context& context, const RaftOptions& options, const ReplicaLog& log)
        : context_(context), options_(options), log_(log) {}

    // Answers, or keeps it until it is fulfilled. Returns what is to be appended for it, if
    // anything.
    std::optional<Configuration> on(const ChangeMembers& ask, const Envelope& envelope,
                                    const View& view);
    // Answers what is fulfilled. Returns what is to be appended next: the end of a change that has
    // got half way, or the promotion of a learner that is ready.
    std::optional<Configuration> next(const View& view);
    // No change is under way, and the configuration in force is committed.
    bool settled(LogIndex no_op) const;
    // Refuses all that wait.
    void leave();

private:
    struct Waiting {
        Envelope asked;
        ChangeMembers ask;
    };

    const Configurations::Entry& in_force() const { return log_.configurations().in_force(); }
    void refuse(const Waiting& waiting, Refusal why, std::string message);
    void answer_fulfilled();
    bool under_way(const MemberChange& wanted) const;
    bool hears(NodeId node, const View& view) const;
    // Why too few of its voters answer; empty: enough do.
    std::string out_of_reach(const Configuration& configuration, const View& view) const;

    Context& context_;
    const RaftOptions& options_;
    const ReplicaLog& log_;
    std::vector<Waiting> waiting_;
};

}  // namespace raftbus
