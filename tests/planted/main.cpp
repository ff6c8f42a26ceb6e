// planted: finds planted bugs. The same main for the liars and for every mutant.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/planted/hunt.hpp"

namespace raftbus::planted {
namespace {

constexpr std::uint64_t kControlSeeds = 5;

int list_all() {
    for (const Bug& bug : all_bugs()) std::printf("%s\n", std::string(bug.name).c_str());
    return EXIT_SUCCESS;
}

int hunt_for(std::string_view name, std::optional<std::size_t> seeds_max) {
    for (Bug& bug : all_bugs()) {
        if (bug.name != name) continue;
        if (seeds_max) bug.seeds_max = *seeds_max;
        if (const auto caught = hunt(bug)) {
            std::printf("%s\n", row_of(bug, *caught).c_str());
            return EXIT_SUCCESS;
        }
        std::printf("%s was not found within %zu seeds\n", std::string(name).c_str(),
                    bug.seeds_max);
        return EXIT_FAILURE;
    }
    std::fprintf(stderr, "no bug has that name\n");
    return 2;
}

// What is no bug is not found. `name` empty: of no bug.
int control_all(std::string_view name, std::uint64_t from, std::uint64_t to) {
    int status = EXIT_SUCCESS;
    for (const Bug& bug : all_bugs()) {
        if (!name.empty() && bug.name != name) continue;
        const auto failed = control(bug, from, to);
        if (!failed) continue;
        std::printf("%s\n", failed->c_str());
        status = EXIT_FAILURE;
    }
    return status;
}

int run(int argc, char** argv) {
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (verb == "list") return list_all();
    if (verb == "hunt" && argc > 2)
        return hunt_for(
            argv[2], argc > 3 ? std::optional(std::strtoull(argv[3], nullptr, 10)) : std::nullopt);
    if (verb == "control" && argc == 2) return control_all({}, 1, kControlSeeds);
    if (verb == "control" && argc == 4) {
        const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
        return control_all(argv[2], seed, seed);
    }
    std::fprintf(stderr, "usage: planted list | hunt BUG [SEEDS] | control [BUG SEED]\n");
    return 2;
}

}  // namespace
}  // namespace raftbus::planted

int main(int argc, char** argv) {
    return raftbus::planted::run(argc, argv);
}
