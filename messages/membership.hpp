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
    RAFTBUS_FIELDS(Member, node, voter, peer, client, promote);
};

// Which history the indexes of a log belong to. Drawn when the cluster comes to speak version 2, and
// anew when the history breaks off: what clients remember of an earlier one (revisions, sessions)
// means nothing in this one. Its revisions are greater than all of the earlier one.
struct Incarnation {
    enum class Cause : std::uint8_t { formed, restored, recovered };

    std::uint64_t id = 0;  // random, below 2^53; 0: none, the cluster speaks version 1
    LogIndex since;        // the entry that began it; 0: it began with the log
    Cause cause = Cause::formed;
    RAFTBUS_FIELDS(Incarnation, id, since, cause);
};

struct Configuration {
    std::vector<Member> members;  // ascending by node; at least one voter
    std::vector<Member> before;   // not empty: joint; the members before the change, who decide too
    std::vector<NodeId> removed;  // members once, and never again: ids are not used twice
    std::uint32_t version = 1;    // that the cluster speaks: all members know it. Never falls
    Incarnation incarnation;
    RAFTBUS_FIELDS(Configuration, members, before, removed, version, incarnation);

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
};

// Sorts what was given in any order.
Configuration configuration_of(std::vector<Member> members);

// The incarnation that an entry at `since` begins, after one or after another. `id` is random; the
// result's is below 2^53, and not 0.
Incarnation next_incarnation(std::uint64_t id, LogIndex since, Incarnation::Cause cause);
// How many indexes are left out before an incarnation begins whose revisions have to be greater than
// all that were ever given: more than a cluster gives while nobody makes a backup.
inline constexpr std::uint64_t kIncarnationGap = std::uint64_t{1} << 40;

// "the cluster was restored from a backup at revision 17"; empty for one that was formed.
std::string told(const Incarnation& incarnation);

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

// `incarnate` is of version 2.
enum class ChangeKind : std::uint8_t { add, remove, promote, demote, incarnate };

struct MemberChange {
    ChangeKind kind = ChangeKind::add;
    Member member;  // as it is to be added, `voter` for one that becomes a voter; demote: `node`,
                    // and `voter` if it is to become one again by itself; else `node` alone
    // incarnate: another incarnation, for a backup is about to be restored, whose revisions are
    // greater than `above` and all that were given here.
    std::uint64_t incarnation = 0;  // its id
    LogIndex above;
    RAFTBUS_FIELDS(MemberChange, kind, member, incarnation, above);
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

// Why nodes could not connect to it; empty: they could.
std::string endpoint_fault(std::string_view endpoint);

}  // namespace raftbus
