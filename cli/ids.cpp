#include "cli/ids.hpp"

#include <random>

namespace raftbus::cli {

std::uint64_t draw_id() {
    std::random_device device;
    return std::uniform_int_distribution<std::uint64_t>(1, UINT64_MAX)(device);
}

std::string cluster_name(const Value& status) {
    const std::string name(status["cluster_name"].text());
    return name.empty() ? std::string(status["cluster"].text()) : name;
}

}  // namespace raftbus::cli
