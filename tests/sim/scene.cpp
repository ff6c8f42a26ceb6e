#include "tests/sim/scene.hpp"

#include <algorithm>

#include "messages/text.hpp"

namespace raftbus::sim {
namespace {

constexpr Duration kTryFor = 400ms;
constexpr Duration kPatience = 50ms;  // beyond a request's timeout

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what);
}

}  // namespace

// ---- the client

std::uint64_t SceneClient::send(NodeId node, const Ask& ask, const std::string& key,
                                Duration timeout, Reading reading, const Manner& manner) {
    cluster_.request(node,
                     {SharedBytes::copy("client"),
                      SharedBytes::own(pack_request(++last_, ask, key, reading, timeout, manner))});
    return last_;
}

void SceneClient::on_reply(NodeId, const ClientFrame& frame) {
    const auto reply = unpack_reply(frame.body->view());
    if (!reply) fail("a reply that is not one");
    if (const auto stream = streams_.find(reply->id); stream != streams_.end()) {
        stream->second.push_back(*reply);
        return;
    }
    if (!answers_.emplace(reply->id, *reply).second) fail("a second answer to one request");
}

SceneClient::Heard SceneClient::on_stream(NodeId node, const StreamFrame& frame) {
    on_reply(node, {frame.route, frame.body});
    return Heard::taken;
}

std::optional<ReplyFields> SceneClient::answer(std::uint64_t number) const {
    const auto found = answers_.find(number);
    return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ReplyFields> SceneClient::wait(std::uint64_t number, Duration limit) {
    cluster_.run_until([&] { return answers_.contains(number); }, limit);
    return answer(number);
}

ReplyFields SceneClient::ask(NodeId node, const Ask& ask, const std::string& key, Duration timeout,
                             Reading reading, const Manner& manner) {
    const auto reply = wait(send(node, ask, key, timeout, reading, manner), timeout + kPatience);
    if (reply) return *reply;
    ReplyFields silence;
    silence.error = "SILENCE";
    return silence;
}

ReplyFields SceneClient::insist(const Ask& ask, const std::string& key, Duration limit) {
    const Moment end = cluster_.now() + limit;
    while (cluster_.now() < end) {
        const NodeId node(next_node_++ % static_cast<std::uint32_t>(cluster_.size()) + 1);
        if (!cluster_.node(node).runs()) {
            cluster_.run(1ms);  // the connection is refused
            continue;
        }
        const ReplyFields reply =
            this->ask(node, ask, key, std::min(kTryFor, end - cluster_.now()));
        if (reply.ok) return reply;
    }
    fail("no node has answered in time: " + key);
}

std::uint64_t SceneClient::set(const std::string& key, const std::string& value, Duration limit) {
    return insist(Set{value, {}}, key, limit).revision;
}

void SceneClient::change(const Ask& ask, Duration limit) {
    insist(ask, "a change of the members", limit);
}

std::optional<std::string> SceneClient::get(const std::string& key, Duration limit) {
    const ReplyFields reply = insist(Get{}, key, limit);
    return reply.found ? std::optional(reply.value) : std::nullopt;
}

// ---- the scene

ClusterOptions Scene::options(std::size_t nodes, std::uint64_t seed) {
    ClusterOptions options;
    options.nodes = nodes;
    options.seed = seed;
    return options;
}

Scene::Scene(const ClusterOptions& options) : cluster(options) {
    for (std::uint32_t n = 1; n <= cluster.size(); ++n) sync_takes(n, 300us);
    cluster.start();
}

void Scene::sync_takes(std::uint32_t node, Duration time) {
    cluster.node(node).disk().set_pace([time](SimDisk::Work work, std::uint64_t) {
        if (work == SimDisk::Work::read) return Duration(0);
        return work == SimDisk::Work::write ? Duration(20) : time;
    });
}

std::uint32_t Scene::wait_for_leader(Duration limit) {
    if (!cluster.run_until([&] { return cluster.leader().has_value(); }, limit))
        fail("no leader in time");
    return cluster.leader()->value;
}

std::uint32_t Scene::wait_for_leader_other_than(std::uint32_t node, Duration limit) {
    const auto found = [&] {
        const auto leader = cluster.leader();
        if (!leader || leader->value == node) return false;
        const ReplicaLog& log = cluster.node(*leader).replicator().log();
        return log.tail().term_at(log.commit()) == cluster.node(*leader).replicator().fence();
    };
    if (!cluster.run_until(found, limit)) fail("no other leader in time");
    return cluster.leader()->value;
}

void Scene::wait_until_deposed(std::uint32_t node, Duration limit) {
    const auto deposed = [&] { return !cluster.node(node).replicator().leads(); };
    if (!cluster.run_until(deposed, limit)) fail("no step down in time");
}

bool Scene::equal() const {
    const auto leader = cluster.leader();
    if (!leader) return false;
    const EntryId last = cluster.node(*leader).replicator().log().last();
    const std::vector<Member> members = cluster.configuration()->everybody();
    for (const Member& member : members) {
        const SimNode& node = cluster.node(member.node);
        if (node.state() == SimNode::State::down || node.state() == SimNode::State::refused)
            continue;
        if (!node.runs()) return false;
        const ReplicaLog& log = node.replicator().log();
        if (log.last() != last || log.commit() != last.index || log.durable() != last.index ||
            node.kv().applied() != last)
            return false;
    }
    return true;
}

void Scene::wait_until_equal(Duration limit) {
    if (!cluster.run_until([&] { return equal(); }, limit))
        fail("logs do not become equal in time");
}

void Scene::add(std::uint32_t node) {
    client.change(AskToAdd{NodeId(node)});
    cluster.join(node);
    client.change(AskToPromote{NodeId(node)});
}

void Scene::remove(std::uint32_t node) {
    client.change(AskToRemove{NodeId(node)});
}

// A write that comes after the demotion proves that the others do without it, and in which term.
void Scene::repair(std::uint32_t node) {
    client.change(AskToDemote{NodeId(node)});
    const LogIndex proof(client.set("repaired", "n" + std::to_string(node)));
    Term term;
    for (const std::uint32_t other : others(node))
        if (cluster.node(other).alive())
            if (const ReplicaLog& log = cluster.node(other).replicator().log();
                log.commit() >= proof)
                term = std::max(term, log.tail().term_at(proof).value_or(Term()));
    if (!term) fail("nobody has the write that was acknowledged");
    cluster.empty(node, term.next(), proof);
    cluster.start(node);
}

std::string Scene::members() const {
    const auto configuration = cluster.configuration();
    return configuration ? to_text(*configuration) : "nobody leads";
}

void Scene::wait_for_members(const std::string& members, Duration limit) {
    if (!cluster.run_until([&] { return this->members() == members; }, limit))
        fail("the members are " + this->members() + ", not " + members);
}

Scene::Nodes Scene::others(const Nodes& nodes) const {
    Nodes rest;
    for (std::uint32_t n = 1; n <= cluster.size(); ++n)
        if (std::find(nodes.begin(), nodes.end(), n) == nodes.end()) rest.push_back(n);
    return rest;
}

Term Scene::term() const {
    Term highest;
    for (std::uint32_t n = 1; n <= cluster.size(); ++n)
        if (cluster.node(n).alive()) highest = std::max(highest, term_of(n));
    return highest;
}

}  // namespace raftbus::sim
