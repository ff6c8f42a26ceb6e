// kv_archive: the files of a durable state, to be read and nothing else: that of a node that does
// not run, or a backup.
//
// Owns: a read-only view of a directory, in which no byte is changed. Must not know: whose it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/result.hpp"
#include "storage/damage.hpp"
#include "storage/kv_execute.hpp"

namespace raftbus {

struct ArchiveCounts {
    std::uint64_t keys = 0;
    std::uint64_t sessions = 0;
    std::uint64_t key_bytes = 0;    // of all keys
    std::uint64_t value_bytes = 0;  // of all values
};

class KvArchive {
public:
    // The error names the directory and the cause.
    static Result<std::unique_ptr<KvArchive>> open(const std::string& directory);
    virtual ~KvArchive() = default;

    virtual const KvProgress& progress() const = 0;
    // Of its tables.
    virtual std::uint64_t bytes() const = 0;

    // Reads every block of every table. `done` hears how many bytes are behind.
    virtual std::vector<Damage> verify(const std::function<void(std::uint64_t)>& done) = 0;
    // Reads every record. The error says which one is damaged.
    virtual Result<ArchiveCounts> count() = 0;

    // Keys with that prefix, in order, until `use` returns false. The views are good until it
    // returns.
    using Use = std::function<bool(std::string_view key, const KvFound& found)>;
    virtual Status each(std::string_view prefix, const Use& use) = 0;
};

}  // namespace raftbus
