#include "storage/sole_survivor.hpp"

#include <algorithm>

#include "messages/crc32c.hpp"
#include "storage/startup.hpp"

namespace raftbus {
namespace {

Configuration configuration_of(const Inspection& found) {
    if (const auto configuration = found.configuration()) return *configuration;
    return configuration_of(found.identity->members);
}

// What the log goes on after, once the start has brought it together with the state.
EntryId end_of(const Inspection& found) {
    const bool behind = found.state && found.log->last.index < found.state->applied.index;
    return behind ? found.state->applied : found.log->last;
}

}  // namespace

Result<SoleSurvivor> plan_sole_survivor(const Inspection& found) {
    if (!found.identity || !found.log) return Error{"the directory is not whole"};
    const NodeId self = found.identity->node;
    const Configuration now = configuration_of(found);
    const Member* known = now.find(self);
    if (!known)
        return Error{"node " + std::to_string(self.value) +
                     " is no member of the cluster any more: its log may lack a lot; take another "
                     "survivor"};
    SoleSurvivor plan;
    plan.configuration.members = {*known};
    plan.configuration.members.front().voter = true;
    plan.configuration.members.front().promote = false;
    plan.configuration.removed = now.removed;
    plan.configuration.version = now.version;
    plan.configuration.cluster = now.cluster;
    plan.configuration.formed = now.formed;
    plan.configuration.incarnation = now.incarnation + 1;
    for (const Member& member : now.everybody())
        if (member.node != self) plan.configuration.removed.push_back(member.node);
    std::ranges::sort(plan.configuration.removed);
    plan.term = std::max(found.log->hard_state.term, end_of(found).term).next();
    plan.index = end_of(found).index.next();
    plan.time = found.log->newest_time;
    if (found.state) plan.time = std::max(plan.time, found.state->clock);
    return plan;
}

Status become_sole_survivor(Disk& disk, const Inspection& found, const SoleSurvivor& plan) {
    auto log = open_log(disk, *found.identity, {});
    if (!log) return log.error();
    const EntryId end = end_of(found);
    const Error no_room{"no room on the disk for it: free some space, and do it again"};
    if ((*log)->last() != end && !(*log)->restart_after(end)) return no_room;
    std::string body = encode_configuration(plan.configuration);
    Batch batch;
    batch.header = {.kind = BatchKind::config,
                    .first = plan.index,
                    .count = 1,
                    .term = plan.term,
                    .leader = found.identity->node,
                    .time = plan.time,
                    .origin = found.identity->node,
                    .body_crc = crc32c(body)};
    batch.body = SharedBytes::own(std::move(body));
    // It was being rebuilt: there is nobody left to wait for.
    if (found.identity->rejoin_at > plan.index) {
        Identity identity = *found.identity;
        identity.rejoin_at = {};
        if (!save_identity(disk, identity)) return no_room;
    }
    // In one group: a crash leaves both or neither, and the term alone would do no harm.
    if (!(*log)->stage(HardState{plan.term, found.identity->node})) return no_room;
    if (!(*log)->stage(LogIndex(), {batch})) {
        (*log)->sync();
        return no_room;
    }
    (*log)->sync();
    (*log)->seal();
    return Done{};
}

}  // namespace raftbus
