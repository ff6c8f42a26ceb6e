// membership: who belongs to the cluster, as a value, and what may become of it (Raft §6, Diss.
// §4).
//
// Owns: a configuration, its form as the body of a BatchKind::config batch, whose majorities it
// takes, and which changes make sense. Pure. Must not know: logs, leaders, who is reachable.
//
// Voters change by joint consensus: first a configuration with both halves, in which each half's
// majority is needed; when that is committed, the new half alone. Learners count in no majority, so
// one configuration is enough for them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/bytes.hpp"
#include "messages/fields.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

namespace raftbus {

struct Member {
    NodeId node;
    bool voter = true;     // false: learner
    std::string peer;      // ZeroMQ endpoint for peers
    std::string client;    // ZeroMQ endpoint for clients; empty: not known
    bool promote = false;  // a learner that becomes a voter as soon as it has caught up
    std::uint64_t disk = 0;  // the id of its data directory; 0: not bound to one yet
    RAFTBUS_FIELDS(Member, node, voter, peer, client, promote, disk);
};

struct Configuration {
    std::vector<Member> members;  // ascending by node; at least one voter
    std::vector<Member> before;   // not empty: joint; the members before the change, who decide too
    std::vector<NodeId> removed;  // members once, and never again: ids are not used twice
    std::uint32_t version = 1;    // that the cluster speaks: all members know it. Never falls
    std::uint64_t cluster = 0;    // drawn when the cluster was formed; 0: it has no id yet
    bool formed = false;          // the entry with that id is committed for certain
    std::uint32_t incarnation = 0;  // raised by `raftbus recover`: what was before may be lost
    RAFTBUS_FIELDS(Configuration, members, before, removed, version, cluster, formed, incarnation);

    bool joint() const { return !before.empty(); }
    // Among the members, or among those before while joint; null: neither.
    const Member* find(NodeId node) const;
    // Counts in a majority: a voter of one of the halves.
    bool voter(NodeId node) const;
    bool was_removed(NodeId node) const;
    // The members and, while joint, those who leave. Ascending.
    std::vector<Member> everybody() const;
    // The voters of each half, ascending: of one unless joint.
    std::vector<std::vector<NodeId>> halves() const;
    // Of all halves, ascending.
    std::vector<NodeId> voters() const;
    // The data directory that the node is bound to, as a voter if it is one; 0: to none.
    std::uint64_t disk_of(NodeId node) const;
    // What the node says with this data directory (0: it names none, being of an older release)
    // counts in a majority. A member that is bound to no directory counts in none: each majority
    // then shares a directory, not only a name, with each other one.
    bool counts(NodeId node, std::uint64_t disk) const;
};

// Sorts what was given in any order.
Configuration configuration_of(std::vector<Member> members);

// The body of a config batch, and back. The error says why it is no configuration.
std::string encode_configuration(const Configuration& configuration);
Result<Configuration> decode_configuration(std::string_view body);

// A configuration as it stands in a log.
struct StoredConfiguration {
    LogIndex index;    // 0: none
    SharedBytes body;  // as of its batch
    bool operator==(const StoredConfiguration&) const = default;
};

// ---- changes

enum class ChangeKind : std::uint8_t { add, remove, promote, demote };

struct MemberChange {
    ChangeKind kind = ChangeKind::add;
    Member member;  // as it is to be added, `voter` for one that becomes a voter; demote: `node`,
                    // `voter` if it is to become one again by itself, and the `disk` that it
                    // will come with, if that is known; else `node` alone
    RAFTBUS_FIELDS(MemberChange, kind, member);
};

// The change has happened: nothing is left of it to be done. `now` is not joint.
bool fulfilled(const Configuration& now, const MemberChange& change);
// What to put into the log next for a change that is not fulfilled; `now` itself if that is there
// already and the rest comes by itself. `now` is not joint (CHECKed). The error says what is wrong.
Result<Configuration> planned(const Configuration& now, const MemberChange& change);
// Joint: the learner becomes a voter.
Configuration promoted(const Configuration& now, NodeId learner);
// What follows a joint configuration that is committed.
Configuration completed(const Configuration& joint);

// ---- strangers

// What a node says of itself in everything that it sends to others.
struct Credentials {
    std::uint64_t cluster = 0;  // that it belongs to; 0: to none for certain
    std::uint64_t disk = 0;     // of its data directory; 0: an older release
    LogIndex configured;        // of the configuration in force there
};
enum class Stranger : std::uint8_t { no, another_cluster, another_disk };
// Whether a node that has this configuration in force has to refuse the member. One that knows a
// later configuration of the same cluster is let in: then it is this node that lags behind.
Stranger stranger(const Configuration& own, LogIndex in_force, NodeId node,
                  const Credentials& credentials);
// The id of a cluster, as operators read it.
std::string id_text(std::uint64_t id);

// Why nodes could not connect to it; empty: they could.
std::string endpoint_fault(std::string_view endpoint);

}  // namespace raftbus
