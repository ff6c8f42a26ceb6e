#include "tests/planted/script.hpp"

#include <algorithm>

namespace raftbus::planted {
namespace {

using namespace std::chrono_literals;

constexpr TimerId kElectionTimeout = 1;

sim::ClusterOptions by_hand(std::size_t nodes, sim::Tamper* tamper) {
    sim::ClusterOptions options;
    options.nodes = nodes;
    options.node.raft.append_bytes_max = 1;  // each batch travels in a message of its own
    options.by_hand = true;
    options.tamper = tamper;
    return options;
}

}  // namespace

Script::Script(std::size_t nodes, sim::Tamper* tamper) : cluster_(by_hand(nodes, tamper)) {
    cluster_.start();
}

void Script::hold_entries(std::uint32_t from, std::initializer_list<std::uint32_t> to) {
    for (const std::uint32_t node : to) hold(replicator(from), replicator(node));
}

void Script::settle() {
    const sim::Mail& mail = cluster_.letters();
    for (;;) {
        const auto pipes = mail.in_use();
        const auto next = std::find_if(pipes.begin(), pipes.end(), [&](auto pipe) {
            return !held_.contains({mail.sender(pipe), mail.receiver(pipe)});
        });
        if (next == pipes.end()) return;
        cluster_.node(mail.receiver(*next).node).deliver(*next);
    }
}

void Script::deliver(Address from, Address to) {
    cluster_.node(to.node).deliver(cluster_.letters().pipe(from, to));
}

void Script::time_out(std::uint32_t node) {
    cluster_.run(1s);
    cluster_.node(node).fire(ActorName::election, kElectionTimeout);
}

}  // namespace raftbus::planted
