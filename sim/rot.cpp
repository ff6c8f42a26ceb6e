#include "sim/rot.hpp"

#include "storage/log_format.hpp"

namespace raftbus::sim {
namespace {

struct Extent {
    std::string file;
    std::uint64_t bytes;  // from the file's begin
};

// Up to where a segment's records vouch for what stands before them.
std::uint64_t vouched_for(std::string_view content, const SegmentId& id) {
    std::uint64_t vouched = 0;
    std::uint64_t at = kSegmentHeaderBytes;
    while (at < content.size()) {
        const auto record = parse_record(content.substr(at), id, at);
        if (!record) break;
        vouched = record->group_start;
        if (record->kind == RecordKind::end) vouched = at;
        at += record->bytes;
    }
    return vouched;
}

}  // namespace

bool rot_a_bit(SimDisk& disk, std::uint64_t identity, Random& random) {
    if (disk.failed()) return false;
    std::vector<Extent> extents;
    std::uint64_t total = 0;
    for (const std::string& name : disk.list()) {
        const auto number = segment_number(name);
        if (!number) continue;
        const std::uint64_t bytes = vouched_for(disk.durable(name), {identity, *number});
        if (bytes > 0) extents.push_back({name, bytes});
        total += bytes;
    }
    if (total == 0) return false;
    std::uint64_t drawn = random.below(total);
    for (const Extent& extent : extents) {
        if (drawn < extent.bytes) {
            disk.flip_bit(extent.file, drawn, static_cast<int>(random.below(8)));
            return true;
        }
        drawn -= extent.bytes;
    }
    return false;
}

}  // namespace raftbus::sim
