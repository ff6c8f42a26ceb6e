// inspection: all that can be said of a node's data directory while the node does not run.
//
// Owns: what is looked at: identity, every segment of the log, every block and record of the state,
// whether they belong together, and what an interrupted step left. Changes no byte. Must not know:
// who asks, how it is shown.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/damage.hpp"
#include "storage/disk.hpp"
#include "storage/identity.hpp"
#include "storage/kv_archive.hpp"
#include "storage/log.hpp"

namespace raftbus {

struct Inspection {
    std::optional<Identity> identity;  // none: not there, or damaged
    std::size_t segments = 0;          // of the log
    std::uint64_t log_bytes = 0;
    std::optional<RecoveredLog> log;  // none: a node refuses it
    bool has_state = false;
    bool installed = false;  // a snapshot, and the log may not have heard of it
    std::uint64_t state_bytes = 0;
    std::optional<KvProgress> state;  // none: there is none, or it can not be opened
    ArchiveCounts counts;             // of the state, as far as it could be read
    std::vector<Damage> damages;      // what keeps the node from starting, or ends it later
    std::vector<Damage> harmless;     // what the next start mends by itself

    bool empty() const { return !identity && segments == 0 && !has_state; }
    bool sound() const { return damages.empty(); }
    // The configuration that a start would go by; none: the identity's members.
    std::optional<Configuration> configuration() const;
};

// "log" or "state", and how much of how many bytes is behind.
using InspectionProgress =
    std::function<void(std::string_view what, std::uint64_t done, std::uint64_t all)>;

// `disk` is the directory's (open_disk_to_read). Errors: throws DiskFailed if a file can not be
// read at all.
Inspection inspect(Disk& disk, const std::string& directory, const InspectionProgress& progress);

// Where the state lives within a node's data directory.
std::string state_directory(const std::string& directory);

}  // namespace raftbus
