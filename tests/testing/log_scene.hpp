// log_scene: a log on a simulated disk, in a test's hands.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "messages/crc32c.hpp"
#include "sim/sim_disk.hpp"
#include "storage/log.hpp"
#include "storage/log_format.hpp"

namespace raftbus::testing {

using sim::Crash;
using sim::SimDisk;

// A batch of `count` commands from `first` on. What they say does not matter to storage.
inline Batch make_batch(std::uint64_t first, std::uint64_t term, std::string body = "body",
                        std::uint32_t count = 1) {
    Batch batch;
    batch.header.first = LogIndex(first);
    batch.header.count = count;
    batch.header.term = Term(term);
    batch.header.leader = NodeId(1);
    batch.header.origin = NodeId(2);
    batch.header.time = WallTime(1'700'000'000'000'000);
    batch.header.proposal = ProposalNumber(first);
    batch.header.body_crc = crc32c(body);
    batch.body = SharedBytes::own(std::move(body));
    return batch;
}

inline std::vector<Batch> all_of(Log& log) {
    return log.last().index ? log.read(log.first(), UINT64_MAX) : std::vector<Batch>{};
}

class LogScene {
public:
    explicit LogScene(std::uint64_t segment_bytes = 4096) {
        options.identity = 0x1122334455667788;
        options.segment_bytes = segment_bytes;
    }

    // Opens the log, again if it was open: as a restart of the process alone would.
    Result<Done> try_open() {
        log.reset();
        auto opened = Log::open(disk, options);
        if (!opened) return opened.error();
        log = std::move(opened.value());
        return Done{};
    }
    // CHECKs that it opens.
    Log& open() {
        const auto opened = try_open();
        CHECK(opened.ok(), opened.ok() ? "" : opened.error().message);
        return *log;
    }
    Log& crash_and_open(Crash what = Crash::keep_nothing, std::uint64_t seed = 0) {
        log.reset();
        disk.crash(what, seed);
        return open();
    }
    // Stages the batches and syncs: one group.
    void append(const std::vector<Batch>& batches) {
        CHECK(log->stage(LogIndex(0), batches));
        log->sync();
    }
    void save(std::uint64_t term, std::uint32_t vote) {
        CHECK(log->stage(HardState{Term(term), NodeId(vote)}));
        log->sync();
    }
    SegmentId id(std::uint64_t number) const { return {options.identity, number}; }

    // The offsets at which the records of a segment start, and last the one behind them.
    std::vector<std::uint64_t> record_offsets(std::uint64_t number) const {
        const std::string_view bytes = disk.content(segment_name(number));
        std::vector<std::uint64_t> offsets{kSegmentHeaderBytes};
        while (const auto record =
                   parse_record(bytes.substr(offsets.back()), id(number), offsets.back()))
            offsets.push_back(offsets.back() + record->bytes);
        return offsets;
    }

    SimDisk disk;
    LogOptions options;
    std::unique_ptr<Log> log;
};

}  // namespace raftbus::testing
