#include "messages/membership.hpp"

#include <algorithm>

#include "messages/check.hpp"
#include "messages/endpoint.hpp"
#include "messages/msgpack_fields.hpp"

namespace raftbus {
namespace {

// Voters and learners: each node holds a connection to each other one.
constexpr std::size_t kMembersMax = 64;

const Member* among(const std::vector<Member>& members, NodeId node) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const Member& member) { return member.node == node; });
    return found == members.end() ? nullptr : &*found;
}

std::vector<NodeId> voters_of(const std::vector<Member>& members) {
    std::vector<NodeId> voters;
    for (const Member& member : members)
        if (member.voter) voters.push_back(member.node);
    return voters;
}

void insert_sorted(std::vector<Member>& members, Member member) {
    const auto at = std::find_if(members.begin(), members.end(),
                                 [&](const Member& other) { return other.node > member.node; });
    members.insert(at, std::move(member));
}

bool ascending(const std::vector<Member>& members) {
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (!members[i].node) return false;
        if (i > 0 && members[i].node <= members[i - 1].node) return false;
    }
    return true;
}

std::string named(NodeId node) {
    return "node " + std::to_string(node.value);
}

void forget(Configuration& configuration, NodeId node) {
    auto& removed = configuration.removed;
    removed.insert(std::upper_bound(removed.begin(), removed.end(), node), node);
}

std::string why_not_to_add(const Configuration& now, const Member& wanted) {
    if (!wanted.node) return "a node's id is a number from 1";
    if (now.was_removed(wanted.node))
        return named(wanted.node) +
               " was removed from this cluster: an id is never used again, take another one";
    if (const Member* known = among(now.members, wanted.node)) {
        if (known->peer != wanted.peer || known->client != wanted.client)
            return named(wanted.node) + " is a member already, at " + known->peer;
        return known->voter
                   ? named(wanted.node) + " is a voter already"
                   : named(wanted.node) + " is a learner already: PROMOTE makes it a voter";
    }
    if (const std::string fault = endpoint_fault(wanted.peer); !fault.empty())
        return "field 'peer': " + fault;
    if (const std::string fault = endpoint_fault(wanted.client); !fault.empty())
        return "field 'client': " + fault;
    if (wanted.peer == wanted.client) return "peers and clients need an endpoint each";
    if (now.members.size() >= kMembersMax)
        return "this cluster has " + std::to_string(now.members.size()) +
               " members and learners, as many as it may have: remove one first";
    for (const Member& member : now.members)
        for (const std::string& endpoint : {wanted.peer, wanted.client})
            if (endpoint == member.peer || endpoint == member.client)
                return endpoint + " is in use by " + named(member.node);
    return {};
}

Result<Configuration> plan_add(Configuration now, Member wanted) {
    if (std::string why = why_not_to_add(now, wanted); !why.empty()) return Error{why};
    wanted.promote = wanted.voter;
    wanted.voter = false;
    insert_sorted(now.members, std::move(wanted));
    return now;
}

Result<Configuration> plan_remove(Configuration now, NodeId node) {
    const Member* known = among(now.members, node);
    if (!known) return Error{named(node) + " is not a member of this cluster"};
    const bool voter = known->voter;
    if (voter && voters_of(now.members).size() == 1)
        return Error{named(node) + " is the last voter: a cluster needs one"};
    if (voter) now.before = now.members;
    std::erase_if(now.members, [&](const Member& member) { return member.node == node; });
    if (!voter) forget(now, node);
    return now;
}

Result<Configuration> plan_promote(Configuration now, NodeId node) {
    for (Member& member : now.members) {
        if (member.node != node) continue;
        member.promote = true;
        return now;
    }
    return Error{named(node) + " is not a member of this cluster: ADD it first"};
}

// One that has lost what it knew, say: nothing counts on it until it has caught up.
Result<Configuration> plan_demote(Configuration now, const Member& wanted) {
    const Member* known = among(now.members, wanted.node);
    if (!known) return Error{named(wanted.node) + " is not a member of this cluster"};
    if (known->voter) {
        if (voters_of(now.members).size() == 1)
            return Error{named(wanted.node) + " is the last voter: a cluster needs one"};
        now.before = now.members;
    }
    for (Member& member : now.members) {
        if (member.node != wanted.node) continue;
        member.voter = false;
        member.promote = wanted.voter;
        member.disk = wanted.disk;  // if none is named: what it comes with, as of any new node
    }
    return now;
}

}  // namespace

const Member* Configuration::find(NodeId node) const {
    const Member* member = among(members, node);
    return member ? member : among(before, node);
}

bool Configuration::voter(NodeId node) const {
    const auto votes = [&](const std::vector<Member>& half) {
        const Member* member = among(half, node);
        return member && member->voter;
    };
    return votes(members) || votes(before);
}

bool Configuration::was_removed(NodeId node) const {
    return std::binary_search(removed.begin(), removed.end(), node);
}

std::vector<Member> Configuration::everybody() const {
    std::vector<Member> all = members;
    for (const Member& member : before)
        if (!among(members, member.node)) insert_sorted(all, member);
    return all;
}

std::vector<std::vector<NodeId>> Configuration::halves() const {
    std::vector<std::vector<NodeId>> halves{voters_of(members)};
    if (joint()) halves.push_back(voters_of(before));
    return halves;
}

std::vector<NodeId> Configuration::voters() const {
    std::vector<NodeId> voters;
    for (const std::vector<NodeId>& half : halves())
        voters.insert(voters.end(), half.begin(), half.end());
    std::sort(voters.begin(), voters.end());
    voters.erase(std::unique(voters.begin(), voters.end()), voters.end());
    return voters;
}

std::uint64_t Configuration::disk_of(NodeId node) const {
    const Member* now = among(members, node);
    const Member* then = among(before, node);
    if (then && then->voter && !(now && now->voter)) return then->disk;
    return now ? now->disk : then ? then->disk : 0;
}

bool Configuration::counts(NodeId node, std::uint64_t disk) const {
    if (!cluster) return true;
    if (!disk) return version < 2;
    return disk == disk_of(node);
}

Configuration configuration_of(std::vector<Member> members) {
    std::sort(members.begin(), members.end(),
              [](const Member& a, const Member& b) { return a.node < b.node; });
    return {.members = std::move(members)};
}

std::string encode_configuration(const Configuration& configuration) {
    EncodedMessage out;
    wire::Packer(out).put(configuration);
    CHECK(out.bodies.empty());
    return std::move(out.head);
}

Result<Configuration> decode_configuration(std::string_view body) {
    Configuration configuration;
    if (auto wrong = wire::unpack(body, {}, {}, [&](auto& in) { in.get(configuration); }))
        return *wrong;
    if (!ascending(configuration.members) || !ascending(configuration.before))
        return Error{"members out of order"};
    for (const std::vector<NodeId>& half : configuration.halves())
        if (half.empty()) return Error{"no voters"};
    if (!std::is_sorted(configuration.removed.begin(), configuration.removed.end()))
        return Error{"removed members out of order"};
    return configuration;
}

bool fulfilled(const Configuration& now, const MemberChange& change) {
    const Member& wanted = change.member;
    const Member* known = among(now.members, wanted.node);
    switch (change.kind) {
        case ChangeKind::add:
            return known && known->peer == wanted.peer && known->client == wanted.client &&
                   (wanted.voter ? known->voter || known->promote : !known->voter);
        case ChangeKind::remove:
            return !known && now.was_removed(wanted.node);
        case ChangeKind::promote:
            return known && known->voter;
        case ChangeKind::demote:
            return known && !known->voter && known->promote == wanted.voter &&
                   (!wanted.disk || known->disk == wanted.disk);
    }
    return false;
}

Result<Configuration> planned(const Configuration& now, const MemberChange& change) {
    CHECK(!now.joint(), "one change at a time");
    switch (change.kind) {
        case ChangeKind::add:
            return plan_add(now, change.member);
        case ChangeKind::remove:
            return plan_remove(now, change.member.node);
        case ChangeKind::promote:
            return plan_promote(now, change.member.node);
        case ChangeKind::demote:
            return plan_demote(now, change.member);
    }
    return Error{"this version does not know that change"};
}

Configuration promoted(const Configuration& now, NodeId learner) {
    CHECK(!now.joint(), "one change at a time");
    Configuration joint = now;
    joint.before = now.members;
    for (Member& member : joint.members) {
        if (member.node != learner) continue;
        member.voter = true;
        member.promote = false;
    }
    return joint;
}

Configuration completed(const Configuration& joint) {
    CHECK(joint.joint());
    Configuration done = joint;
    done.before.clear();
    for (const Member& member : joint.before)
        if (!among(joint.members, member.node)) forget(done, member.node);
    return done;
}

Stranger stranger(const Configuration& own, LogIndex in_force, NodeId node,
                  const Credentials& credentials) {
    if (!own.formed) return Stranger::no;
    if (credentials.cluster && credentials.cluster != own.cluster) return Stranger::another_cluster;
    const bool ahead = credentials.cluster == own.cluster && credentials.configured > in_force;
    if (ahead || !credentials.disk) return Stranger::no;
    const auto bound_to = [&](const std::vector<Member>& half) {
        const Member* member = among(half, node);
        return member && member->disk == credentials.disk;
    };
    const Member* now = among(own.members, node);
    const bool bound = (now && now->disk) || (!now && own.disk_of(node));
    if (!bound || bound_to(own.members) || bound_to(own.before)) return Stranger::no;
    return Stranger::another_disk;
}

std::string id_text(std::uint64_t id) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(digits[(id >> shift) & 0xf]);
    return text;
}

std::string endpoint_fault(std::string_view endpoint) {
    const auto parsed = parse_reachable(endpoint);
    return parsed ? std::string() : parsed.error().message;
}

}  // namespace raftbus
