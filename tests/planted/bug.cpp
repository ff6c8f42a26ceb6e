#include "tests/planted/bug.hpp"

#include <iterator>

namespace raftbus::planted {
namespace {

sim::Faults set_of(std::initializer_list<sim::Fault> faults) {
    sim::Faults set;
    for (const sim::Fault fault : faults) set.set(static_cast<std::size_t>(fault));
    return set;
}

}  // namespace

sim::RunOptions only(std::initializer_list<sim::Fault> faults) {
    sim::RunOptions options;
    options.faults = set_of(faults);
    return options;
}

sim::RunOptions without(std::initializer_list<sim::Fault> faults) {
    sim::RunOptions options;
    options.without = set_of(faults);
    return options;
}

std::vector<Bug> all_bugs() {
    std::vector<Bug> all;
    for (auto list : {liars_of_elections, liars_of_replication, liars_of_reads, liars_of_disks,
                      liars_of_states, mutants})
        for (Bug& bug : list()) all.push_back(std::move(bug));
    return all;
}

}  // namespace raftbus::planted
