// nemesis: brings a plan's strikes about, and in the end makes everything well again.
//
// Owns: what is broken at the moment and by which strike. Must not know: rules, clients.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/plan.hpp"

namespace raftbus::sim {

class Nemesis {
public:
    // All outlive it. Strikes are laid out from now on.
    Nemesis(Cluster& cluster, const Plan& plan);

    // Everything heals: links, disks, clocks; who is down starts again. No strike comes after it.
    void heal();
    // Nodes whose disks lie: they will not come back, and need not.
    const std::set<NodeId>& lost() const { return rotten_; }

private:
    using Nodes = std::vector<std::uint32_t>;

    void strike(const Strike& strike);
    void strike_links(const Strike& strike, Random& random);
    void strike_processes(const Strike& strike, Random& random);
    void strike_disk(const Strike& strike, std::uint32_t node, Random& random);
    void strike_clock(const Strike& strike, std::uint32_t node, Random& random);
    void elect(const Strike& strike, std::uint32_t node, Random& random);
    void chase(std::uint64_t seed, Moment until, std::vector<std::uint32_t> cut_off);
    void part_and_fill(const Strike& strike, std::uint32_t node, Random& random);
    void repair(const Strike& strike, Random& random);
    void go_on_repairing(int looks);
    bool others_do_without(NodeId node, int looks);
    void change_members(const Strike& strike, Random& random);
    void change_members_under_a_new_leader(Term old, std::uint64_t number, MemberChange change,
                                           int tries);
    void cut_off(std::uint32_t node, Duration time, Random& random);
    MemberChange think_of_change(const Configuration& now, Random& random) const;
    void down(std::uint32_t node, const Strike& strike, Random& random);
    void revive();
    void restart_later(std::uint32_t node, Duration wait);
    void after(Duration wait, std::function<void()> action);
    void note(const Strike& strike, const std::string& what) const;

    // Often the leader.
    std::uint32_t victim(Random& random) const;
    // One, a minority, a majority, or all.
    Nodes victims(Random& random) const;
    Nodes shuffled(Random& random) const;

    struct DiskState {
        Random random;
        std::uint64_t slower = 1;  // times
        Duration hang{};           // of the next sync
    };
    Duration disk_takes(std::uint32_t node, SimDisk::Work work, std::uint64_t bytes);

    Cluster& cluster_;
    const Plan& plan_;
    std::vector<DiskState> disks_;  // by node
    std::set<NodeId> rotten_;
    // The node whose data is to go, one at a time; 0: none. It stays down meanwhile.
    NodeId repairing_;
    MemberChange demotion_;
    ChangeNumber change_;
    std::optional<LogIndex> demoted_at_;  // what was committed when its demotion was seen to be
    bool healed_ = false;
};

}  // namespace raftbus::sim
